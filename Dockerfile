# The one image of all services: `docker run IMAGE services.treaty` starts one of them.
# Take the base image from another registry with --build-arg PYTHON_IMAGE=...
ARG PYTHON_IMAGE=docker.io/library/python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# Install exactly the packages of the lock file into a virtual environment without pip.
# Only wheels: nothing is compiled, and no package runs code during the installation.
RUN ["python", "-m", "venv", "--without-pip", "/opt/venv"]
COPY services/requirements.txt /tmp/requirements.txt
RUN ["python", "-m", "pip", "--python", "/opt/venv/bin/python", "--disable-pip-version-check", "install", "--no-cache-dir", "--require-hashes", "--only-binary", ":all:", "--requirement", "/tmp/requirements.txt"]

FROM ${PYTHON_IMAGE}
# Services never install packages.
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
