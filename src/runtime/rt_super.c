/* super().method: what super_getattro finds by walking the MRO behind the class, remembered by the version tag of the
 * class whose MRO it is.
 *
 * The tag stands for that MRO and for every class in it, so while it matches, the class that was given is in the MRO
 * (and alive), and the attribute found behind it is still the answer. The super object itself is seen by nobody and not
 * made; neither is the bound method. Whatever else super() may do (a `__class__` that lies, descriptors other than
 * methods, errors) is left to it. */
#include "rt_attr.h"

#define RT_SUPER_WAYS 4 /* a power of two; slots are chosen by the tag's low bits */

typedef struct {
    uint32_t version;  /* tp_version_tag of the class whose MRO was searched; 0: empty */
    uint8_t of_class;  /* self was that class, not an instance of it */
    PyTypeObject *cls; /* the class behind which the search began, borrowed: in the MRO */
    PyObject *attr;    /* what was found, borrowed: the MRO's classes hold it */
} RtSuperEntry;

typedef struct {
    PyObject *name; /* interned str, kept alive by the code object's co_names */
    Py_hash_t hash;
    RtSuperEntry entries[RT_SUPER_WAYS];
} RtSuperIC;

void *rt_super_ic_new(CodeUnit *u, PyObject *name)
{
    RtSuperIC *ic = rt_unit_data(u, sizeof *ic);
    if (ic == NULL)
        return NULL;
    ic->name = name;
    ic->hash = rt_str_hash(name);
    return ic;
}

/* supercheck() where `__class__` has no say: the class whose MRO is searched, or NULL. None stands for no object. */
static PyTypeObject *start_type(PyTypeObject *cls, PyObject *self, bool *of_class)
{
    if (self == Py_None)
        return NULL;
    *of_class = PyType_Check(self) && PyType_IsSubtype((PyTypeObject *)self, cls);
    if (*of_class)
        return (PyTypeObject *)self;
    return PyType_IsSubtype(Py_TYPE(self), cls) ? Py_TYPE(self) : NULL;
}

/* The attribute in the first dict behind cls in start's MRO; borrowed, NULL when there is none or a dict's keys might
 * run Python code when compared. */
static PyObject *find_behind(PyTypeObject *start, PyTypeObject *cls, PyObject *name, Py_hash_t hash)
{
    PyObject *mro = start->tp_mro;
    if (mro == NULL)
        return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(mro), i = 0;
    while (i < n && PyTuple_GET_ITEM(mro, i) != (PyObject *)cls)
        i++;
    for (i++; i < n; i++) {
        PyObject *dict = ((PyTypeObject *)PyTuple_GET_ITEM(mro, i))->tp_dict;
        if (dict == NULL || !py311_keys_unicode(py311_dict_keys(dict)))
            return NULL;
        PyObject *attr = _PyDict_GetItem_KnownHash(dict, name, hash);
        if (attr != NULL)
            return attr;
    }
    return NULL;
}

/* Descriptors that bind self, or with a class for self give themselves: func_descr_get, method_get, wrapperdescr_get. */
static bool is_method(PyObject *attr)
{
    return Py_IS_TYPE(attr, &PyFunction_Type) || Py_IS_TYPE(attr, &PyMethodDescr_Type) ||
           Py_IS_TYPE(attr, &PyWrapperDescr_Type);
}

/* descr_check: may the method be bound to objects of the type? */
static bool is_method_of(PyObject *attr, PyTypeObject *tp)
{
    return is_method(attr) &&
           (Py_IS_TYPE(attr, &PyFunction_Type) || PyType_IsSubtype(tp, PyDescr_TYPE(attr)));
}

/* The function in a classmethod object, borrowed, or NULL. */
static PyObject *class_method_function(PyObject *attr)
{
    PyObject *func =
        Py_IS_TYPE(attr, &PyClassMethod_Type) ? ((Py311ClassMethod *)attr)->cm_callable : NULL;
    return func != NULL && Py_IS_TYPE(func, &PyFunction_Type) ? func : NULL;
}

/* The two value-stack entries for an attribute; NULL when super() has to see to it. */
static PyObject *bind(PyObject *attr, PyTypeObject *start, PyObject *self, bool of_class,
                      PyObject **out)
{
    if (BASE_LIKELY(is_method(attr))) {
        if (of_class)
            return Py_NewRef(attr);
        out[0] = Py_NewRef(attr);
        return Py_NewRef(self);
    }
    if (PyCFunction_CheckExact(attr)) /* no descriptor: object.__new__ */
        return Py_NewRef(attr);
    if (Py_IS_TYPE(attr, &PyStaticMethod_Type)) /* sm_descr_get; NULL before __init__ has run */
        return Py_XNewRef(((Py311StaticMethod *)attr)->sm_callable);
    PyObject *func = class_method_function(attr);
    if (func == NULL)
        return NULL;
    out[0] = Py_NewRef(func);
    return Py_NewRef((PyObject *)start);
}

static RtSuperEntry *entry_of(RtSuperIC *ic, PyTypeObject *start)
{
    return &ic->entries[start->tp_version_tag % RT_SUPER_WAYS];
}

static inline bool serves(const RtSuperEntry *e, const PyTypeObject *start, const PyObject *cls,
                          bool of_class)
{
    return e->version == start->tp_version_tag && e->version != 0 &&
           e->cls == (PyTypeObject *)cls && e->of_class == of_class;
}

static BASE_NOINLINE PyObject *super_miss(PyObject *cls, PyObject *self, RtSuperIC *ic,
                                          PyObject **out)
{
    bool of_class;
    if (!PyType_Check(cls) || ic->name == RT_NAME(__class__))
        return NULL;
    PyTypeObject *start = start_type((PyTypeObject *)cls, self, &of_class);
    if (start == NULL)
        return NULL;
    PyObject *attr = find_behind(start, (PyTypeObject *)cls, ic->name, ic->hash);
    if (attr == NULL || (is_method(attr) && !is_method_of(attr, start)))
        return NULL;
    PyObject *res = bind(attr, start, self, of_class, out);
    if (res != NULL && rt_type_version(start) != 0)
        *entry_of(ic, start) =
            (RtSuperEntry){start->tp_version_tag, of_class, (PyTypeObject *)cls, attr};
    return res;
}

PyObject *rt_super_method(PyObject *cls, PyObject *self, void *site, PyObject **out)
{
    RtSuperIC *ic = site;
    out[0] = NULL;
    /* An entry of a class says that it is a subclass of cls; one of a type says so of its instances, but an
     * instance that is a class itself might be a subclass, too. */
    PyTypeObject *start = Py_TYPE(self);
    if (BASE_LIKELY(!PyType_Check(self))) {
        const RtSuperEntry *e = entry_of(ic, start);
        if (BASE_LIKELY(serves(e, start, cls, false)))
            return bind(e->attr, start, self, false, out);
    } else {
        start = (PyTypeObject *)self;
        const RtSuperEntry *e = entry_of(ic, start);
        if (serves(e, start, cls, true))
            return bind(e->attr, start, self, true, out);
    }
    return super_miss(cls, self, ic, out);
}

PyObject *rt_super_peek(PyObject *cls, PyObject *self, PyObject *name)
{
    bool of_class;
    PyTypeObject *start =
        PyType_Check(cls) ? start_type((PyTypeObject *)cls, self, &of_class) : NULL;
    PyObject *attr =
        start != NULL ? find_behind(start, (PyTypeObject *)cls, name, rt_str_hash(name)) : NULL;
    if (attr == NULL || of_class)
        return attr != NULL ? class_method_function(attr) : NULL;
    return is_method(attr) ? attr : class_method_function(attr);
}
