/* Inline caches of compiled code: attribute and global-name lookups.
 *
 * A cache belongs to one site of one CodeUnit (rt_unit_data memory).  It holds
 * only borrowed pointers; each use validates the entry against the state it was
 * made from, so an entry is either right or not used:
 *
 *   - attribute entries compare Py_TYPE(obj) and its tp_version_tag (never 0).
 *     Tags are never reused, and a matching tag means that no class in the MRO
 *     changed, so `descr` (found on the class) is alive and still the answer.
 *   - "the instance does not shadow it" is shown by the class's shared keys:
 *     they only grow, so an unchanged entry count means the name is not in them.
 *   - values in dicts are found by an entry index whose key is compared by
 *     identity with the interned name.
 *
 * The fields are plain data: the feedback reader turns them into facts when the
 * function is recompiled.  `misses` counts slow lookups after the cache filled. */
#ifndef PYSTON_RT_IC_H
#define PYSTON_RT_IC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <Python.h>

/* What an attribute entry says of an object of its type. */
typedef enum {
    RT_ATTR_EMPTY = 0,
    RT_ATTR_INLINE_VALUE, /* index: slot in the object's inline values */
    RT_ATTR_MEMBER,       /* index: byte offset of a T_OBJECT_EX member (`__slots__`) */
    RT_ATTR_DICT_HINT,    /* index: likely entry of the object's materialised dict */
    RT_ATTR_MODULE,       /* index: likely entry of the module's dict */
    RT_ATTR_CLASS_VALUE,  /* descr: plain value on the class, not shadowed by the instance */
    RT_ATTR_CLASS_METHOD, /* descr: Py_TPFLAGS_METHOD_DESCRIPTOR, on the class, not shadowed */
    RT_ATTR_CLASS_GET,    /* descr: other non-data descriptor on the class, not shadowed */
    RT_ATTR_DATA,         /* descr: data descriptor; its tp_descr_get or tp_descr_set is called */
    RT_ATTR_PROPERTY,     /* descr: exact `property` with a getter */
    RT_ATTR_GETSET,       /* descr: getset descriptor of a base of the type, with a getter */
    RT_ATTR_TYPE_VALUE, /* the object is the class `owner`: descr, found in its MRO, is the value */
    RT_ATTR_TYPE_GET,   /* the same, but descr's tp_descr_get(descr, NULL, owner) gives the value */
    RT_ATTR_GETATTR_HOOK, /* neither class nor instance has it: descr is the class's __getattr__ */
    RT_ATTR_ABSENT, /* neither class nor instance has it; for hasattr() and getattr() with a default */
    RT_ATTR_NKINDS
} RtAttrKind;

/* How an entry with a class attribute knows that the instance does not shadow it. */
typedef enum {
    RT_SHADOW_NO_DICT = 0, /* objects of the type have no dict */
    RT_SHADOW_KEYS,        /* inline values: the shared keys still have keys_count entries, of which
                              none is the name */
    RT_SHADOW_SLOT,        /* inline values: the name is shared key `index`; the slot is NULL */
    RT_SHADOW_LOOKUP,      /* no inline values in this type */
} RtShadow; /* an object without inline values has its dict searched, whatever this says */

typedef struct {
    uint8_t kind;   /* RtAttrKind */
    uint8_t shadow; /* RtShadow; CLASS_*, GETATTR_HOOK and ABSENT */
    uint8_t hooked; /* the class's __getattr__ is called when a descriptor raises AttributeError */
    uint8_t keys_count; /* RT_SHADOW_KEYS */
    uint32_t hits;
    uint32_t version;       /* tp_version_tag of the object's type, never 0 */
    uint32_t owner_version; /* with an owner: its tp_version_tag */
    uint32_t descr_version; /* tp_version_tag of descr's type when that is mutable, else 0 */
    uint32_t index;         /* see kind and shadow */
    PyTypeObject *type; /* the object's exact type, borrowed: only valid while version matches */
    PyTypeObject
        *owner; /* the class that is the object (TYPE_*, GETATTR_HOOK and ABSENT of a metatype), or
                               NULL; borrowed, only compared */
    PyObject *descr; /* what the class lookup found, borrowed; see kind */
} RtAttrEntry;

#define RT_ATTR_WAYS 4
#define RT_TARGETS   4

/* What the site does (a site does one thing only). */
typedef enum {
    RT_SITE_UNUSED,
    RT_SITE_LOAD,
    RT_SITE_STORE,
    RT_SITE_METHOD,
    RT_SITE_ASK, /* hasattr(), getattr() with a default */
} RtSiteKind;

/* Inline values by version tag, for compiled code to look at before it calls: a small table that the tag's low bits
 * index. They repeat RT_ATTR_INLINE_VALUE entries that need no look at a descriptor (descr_version 0). */
#define RT_ATTR_FAST 4 /* a power of two */
typedef struct {
    uint32_t version;
    uint32_t index;
} RtAttrFast;

/* The same for methods of classes whose instances have inline values: the class's function, as long as the class's
 * shared keys have `keys_count` entries, the method's name not among them. */
typedef struct {
    uint32_t version;
    uint32_t keys_count;
    PyObject *descr; /* borrowed: the version keeps it right */
} RtMethodFast;

/* Uses of a cache by way of the helper before the engine is asked whether to compile the site for what it has seen
 * (rt_attr.c; the engine's to set). */
extern uint32_t rt_attr_unsettled;

/* How many types a site sees: few, many, so that it shares a table with other such sites, or ones that have no such attribute
 * (`try: x.a; except AttributeError`): then nothing is looked at before CPython raises the error. */
typedef enum { RT_SEES_FEW, RT_SEES_MANY, RT_SEES_ABSENT } RtSiteSees;

typedef struct RtAttrIC {
    /* What a use by the helper reads: one cache line (rt_unit_lines). */
    RtAttrEntry first;    /* most sites see one type */
    RtAttrEntry *entries; /* &first, or unit data */
    uint32_t unsettled;   /* uses left until it is settled what it sees */
    uint8_t nentries;     /* entries in use */
    uint8_t ways; /* entries there is room for: 1, or RT_ATTR_WAYS once a second was needed */
    uint8_t site; /* RtSiteKind */
    uint8_t sees; /* RtSiteSees */
    /* What it reads where it has to look the name up. */
    PyObject *name; /* interned str, kept alive by the code object's co_names */
    Py_hash_t hash; /* of the name */
    struct CodeUnit *unit;
    struct RtAttrIC *next_ic; /* of the unit */
    int32_t bci;              /* of the site */
    uint32_t misses;          /* lookups that no entry served */
    uint32_t uncached;        /* of these, the ones that no entry can describe */
    uint32_t last_hits;       /* hits at the last look at the ratio of hits to misses */
    int64_t watched;          /* the engine's: since when uses are counted */
    uint8_t slow;             /* ... and how often they were too few */
    uint8_t next;             /* entry replaced next when all are in use */
    bool examined;            /* a value was seen in an object */
    uint8_t absent;           /* loads in a row that found no such attribute, by the shared table */
    uint8_t unknown;  /* uses in a row that found no entry in the shared table (rt_attr.c) */
    uint8_t ntargets; /* codes of Python functions that LOAD_METHOD found; above RT_TARGETS: many */
    PyObject **alive; /* weak references to the entries' owners or types; NULL: none */
    PyObject *first_alive;
    PyObject *example; /* of the type of all values seen in objects, or NULL: rt_attr_example */
    PyCodeObject **targets; /* [RT_TARGETS], pinned by the unit; NULL: none */
    /* [RT_ATTR_FAST] at sites whose code looks there, else NULL; slot 0 never holds 0, which is no version. */
    RtMethodFast *methods;
    RtAttrFast *fast;
} RtAttrIC;
_Static_assert(offsetof(RtAttrIC, name) == 64, "one cache line");

enum { RT_KEYS_ANY = -1, RT_KEYS_LOOKUP = INT32_MAX };

/* Classes whose objects a guard lets pass, in the order of their frequency. */
typedef struct RtTypeSet {
    struct RtTypeSet *next; /* of the unit */
    uint32_t n;
    uint32_t versions[RT_ATTR_WAYS];
    /* What shows that the object has no attribute of the name in place of the class's: the class has so many shared
     * keys, of which none is the name, and the object inline values, or a dict without the name; RT_KEYS_LOOKUP: its
     * dict always has to be looked at; RT_KEYS_ANY: nothing has to. */
    int32_t keys_count[RT_ATTR_WAYS];
    PyObject *name;                    /* kept alive by a code object of the unit */
    PyTypeObject *types[RT_ATTR_WAYS]; /* borrowed: for the compiler only */
} RtTypeSet;

static inline bool rt_attr_ic_settled(const RtAttrIC *ic)
{
    return ic->unsettled > rt_attr_unsettled; /* it counts on beyond 0 */
}

/* What an operation without a cache of its own has for operands: noted by code that does not know (NoteTypes), so that the
 * next code for it does. One for each place in a code object, whatever unit runs there. */
typedef struct RtTypeSite {
    PyTypeObject
        *types[2];      /* of all operands seen; only compared with builtin ones. NULL: none yet */
    PyCodeObject *code; /* borrowed: the site dies with it */
    int64_t watched;    /* the engine's: since when uses are counted */
    int32_t bci;
    uint32_t wanted[2]; /* HIR_T_ bits of types that code could be made for */
    uint32_t left;      /* uses to note until the engine is told; 0: not noted any more */
    uint32_t uses;      /* noted */
    uint8_t slow;       /* the engine's: how often the uses were too few */
    bool mixed;         /* operands of other types came by */
    bool told;          /* the engine has been told */
} RtTypeSite;

typedef enum { RT_GLOBAL_EMPTY = 0, RT_GLOBAL_MODULE, RT_GLOBAL_BUILTIN } RtGlobalKind;

typedef struct RtGlobalIC {
    PyObject *name; /* interned str, kept alive by co_names */
    Py_hash_t hash;
    uint8_t kind;                  /* RtGlobalKind: where it was found last */
    uint32_t index;                /* likely entry in that dict */
    uint32_t globals_keys_version; /* BUILTIN: dk_version of globals' keys without the name, or 0 */
    uint64_t globals_version; /* BUILTIN: ma_version_tag of globals when the name was not in it */
    uint64_t hits;
    uint32_t misses;
} RtGlobalIC;

#endif
