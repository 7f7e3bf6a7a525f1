"From a folder of pet photos to a classifier that can be trusted."

__version__ = "0.1.0"
