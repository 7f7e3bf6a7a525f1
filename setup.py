"The package, as settings.ini describes it."

from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
parser = ConfigParser(delimiters=["="])
parser.read(here / "settings.ini", encoding="utf-8")
settings = parser["DEFAULT"]


def lines(key):
    "The non-empty lines of a setting that is a list."
    return [line.strip() for line in settings[key].splitlines() if line.strip()]


extras = {key.removeprefix("extra_"): lines(key) for key in settings if key.startswith("extra_")}
extras["all"] = [requirement for requirements in extras.values() for requirement in requirements]

setup(
    name=settings["lib_name"],
    version=settings["version"],
    description=settings["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    keywords=settings["keywords"],
    author=settings["author"],
    author_email=settings["author_email"],
    url=settings["git_url"],
    project_urls={"Repository": settings["git_url"]},
    license="Apache-2.0",
    packages=find_packages(include=["petclf", "petclf.*"]),
    package_data={"petclf": ["tables/*.csv", "tables/*.toml", "templates/*"]},
    python_requires=settings["python_requires"],
    install_requires=lines("requirements"),
    extras_require=extras,
    entry_points={"console_scripts": [settings["console_scripts"]]},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Natural Language :: English",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
    zip_safe=False,
)
