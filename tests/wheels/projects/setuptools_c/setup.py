"""A C extension by setuptools."""

from setuptools import Extension, setup

setup(ext_modules=[Extension("built", ["built.c"])], py_modules=["use_built"])
