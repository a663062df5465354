"""`python -m services.psi_field`: one pod of the field."""

from services.psi_field.app import PsiFieldSettings, build
from services.shell import run

if __name__ == "__main__":
    run(PsiFieldSettings, build)
