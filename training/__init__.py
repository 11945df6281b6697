"""How the models that ship with the project were made; nothing here is installed with the package."""
