"""A Cython extension by setuptools."""

from Cython.Build import cythonize
from setuptools import setup

setup(ext_modules=cythonize("built.pyx", language_level=3), py_modules=["use_built"])
