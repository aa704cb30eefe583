// A module by pybind11: a class whose virtual method Python overrides, containers, callbacks and exceptions.
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace py = pybind11;

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};

struct PyShape : Shape {
    using Shape::Shape;
    double area() const override { PYBIND11_OVERRIDE_PURE(double, Shape, area); }
};

static double total(const std::vector<Shape *> &shapes) {
    double sum = 0;
    for (const auto *shape : shapes) {
        sum += shape->area();
    }
    return sum;
}

static std::map<std::string, int> count(const std::vector<std::string> &words) {
    std::map<std::string, int> counts;
    for (const auto &word : words) {
        counts[word]++;
    }
    return counts;
}

PYBIND11_MODULE(built, m) {
    py::class_<Shape, PyShape>(m, "Shape").def(py::init<>()).def("area", &Shape::area);
    m.def("total", &total);
    m.def("count", &count);
    m.def("apply", [](const std::function<int(int)> &f, int n) {
        int value = 0;
        for (int i = 0; i < n; i++) {
            value = f(value);
        }
        return value;
    });
    m.def("fail", [](int n) {
        if (n > 2) {
            throw std::out_of_range("more than two");
        }
        return n;
    });
}
