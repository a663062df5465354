# The one image of all services: `docker run IMAGE services.treaty` starts one of them.
# Another registry's copy of the base: --build-arg PYTHON_IMAGE=...
ARG PYTHON_IMAGE=docker.io/library/python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# The packages stand in a folder of their own without pip, and only what the lock file names, as
# wheels: nothing is compiled, and no package's own code runs.
RUN ["python", "-m", "venv", "--without-pip", "/opt/venv"]
COPY services/requirements.txt /tmp/requirements.txt
RUN ["python", "-m", "pip", "--python", "/opt/venv/bin/python", "--disable-pip-version-check", "install", "--no-cache-dir", "--require-hashes", "--only-binary", ":all:", "--requirement", "/tmp/requirements.txt"]

FROM ${PYTHON_IMAGE}
# Services install nothing.
RUN ["python", "-m", "pip", "uninstall", "--yes", "--quiet", "--root-user-action", "ignore", "pip"]
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY services/ services/
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["python", "-m"]
CMD ["services.psi_field"]
