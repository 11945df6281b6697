"""Training of the models that ship with the project; nothing here is installed with the package."""
