"""A module compiled by mypyc, by setuptools."""

from mypyc.build import mypycify
from setuptools import setup

setup(ext_modules=mypycify(["built.py"]), py_modules=["use_built"])
