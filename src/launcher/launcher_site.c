/* Packages of pyston3's own, ahead of those that it shares with the python3.11 it was built against.
 *
 * Debian's package installs into /usr/bin and uses Debian's standard library and dist-packages. What
 * `pip-pyston3 install` brings has a folder to itself (the option `site` of meson), so that neither apt
 * nor python3.11 ever sees it, and it comes first, so that a newer version of something is taken. Its .pth
 * files are read. An environment that leaves the system's packages out leaves this folder out too. */
#include "launcher.h"

#include <sys/stat.h>

/* Whether the system's packages are on sys.path at all: site.py has run, with that prefix among
 * those it looked into. Returns -1 with an exception set. */
static int uses_system_packages(PyObject *site)
{
    PyObject *prefixes = PyObject_GetAttrString(site, "PREFIXES");
    PyObject *prefix = PyUnicode_DecodeFSDefault(LAUNCHER_PREFIX);
    int found = -1;
    if (prefixes != NULL && prefix != NULL) {
        found = PySequence_Contains(prefixes, prefix);
    }
    Py_XDECREF(prefixes);
    Py_XDECREF(prefix);
    return found;
}

/* The position on `path` of the first of the system's folders, those that site.py names for the
 * prefix, or `end`. Returns -1 with an exception set. */
static Py_ssize_t first_system_folder(PyObject *site, PyObject *path, Py_ssize_t end)
{
    PyObject *folders = PyObject_CallMethod(site, "getsitepackages", "([s])", LAUNCHER_PREFIX);
    if (folders == NULL) {
        return -1;
    }
    Py_ssize_t at = 0;
    int found = 0;
    for (; at < end; at++) {
        found = PySequence_Contains(folders, PyList_GET_ITEM(path, at));
        if (found != 0) {
            break;
        }
    }
    Py_DECREF(folders);
    return found < 0 ? -1 : at;
}

/* Let site.py append the folder and what its .pth files name, then move all of that forward.
 * Returns 0, or -1 with an exception set. */
static int add_folder(PyObject *site, PyObject *path, PyObject *folder)
{
    Py_ssize_t before = PyList_GET_SIZE(path);
    PyObject *done = PyObject_CallMethod(site, "addsitedir", "O", folder);
    if (done == NULL) {
        return -1;
    }
    Py_DECREF(done);
    Py_ssize_t after = PyList_GET_SIZE(path);
    Py_ssize_t to = after > before ? first_system_folder(site, path, before) : before;
    if (to < 0 || to >= before) {
        return to < 0 ? -1 : 0;
    }
    PyObject *added = PyList_GetSlice(path, before, after);
    int status = added == NULL ? -1 : PyList_SetSlice(path, before, after, NULL);
    if (status == 0) {
        status = PyList_SetSlice(path, to, to, added);
    }
    Py_XDECREF(added);
    return status;
}

void launcher_add_site(void)
{
    struct stat info;
    if (LAUNCHER_SITE[0] == '\0' || Py_NoSiteFlag || stat(LAUNCHER_SITE, &info) != 0 ||
        !S_ISDIR(info.st_mode)) {
        return;
    }
    PyObject *site = PyImport_ImportModule("site");
    PyObject *path = PySys_GetObject("path");
    PyObject *folder = PyUnicode_DecodeFSDefault(LAUNCHER_SITE);
    if (site != NULL && folder != NULL && path != NULL && PyList_CheckExact(path)) {
        /* On sys.path already when pyston3 runs as that folder's own environment. */
        int there = PySequence_Contains(path, folder);
        if (there == 0 && uses_system_packages(site) > 0) {
            (void)add_folder(site, path, folder);
        }
    }
    Py_XDECREF(site);
    Py_XDECREF(folder);
    if (PyErr_Occurred()) {
        PyErr_Print();
    }
}
