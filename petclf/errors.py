"What petclf raises when something cannot be done as asked."


class PetclfError(Exception):
    "One line that names the file or option, what was wrong and what to do. The command line exits with 2."


def need(package, extra, purpose):
    "Import and return `package`, or say which extra has it."
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise PetclfError(f"{purpose} needs {package}: pip install 'petclf[{extra}]' ({error})") from error
