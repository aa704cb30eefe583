"""A pybind11 extension by setuptools."""

from pybind11.setup_helpers import Pybind11Extension, build_ext
from setuptools import setup

setup(
    ext_modules=[Pybind11Extension("built", ["built.cpp"], cxx_std=17, extra_compile_args=["-O0"])],
    cmdclass={"build_ext": build_ext},
    py_modules=["use_built"],
)
