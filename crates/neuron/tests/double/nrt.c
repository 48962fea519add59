/* A DOUBLE of libnrt.so.1 for tests. It is not the Neuron runtime, has none of its code, and touches no device.
 *
 * It has the binary interface of the twenty functions that portbench uses (signatures from the published documents of SDK 2.32), keeps tensors in
 * host memory, and executes this:
 *
 *   A "NEFF" is a head of 1024 bytes as the runtime's documents lay it out, then text, one line a tensor:
 *       in NAME DTYPE D0xD1x...                    an input
 *       out NAME DTYPE D0xD1x... FACTOR INPUT      an output: FACTOR times the input of that name
 *   DTYPE is a value of nrt_dtype_t; tensors of type 10 (f32) are computed, others are copied. `-` stands for no dimensions. An execution whose
 *   outputs have a NaN answers 1003, as the runtime does.
 *
 * The nrt_double_* functions are what a test adds: answers on demand, counts of live objects and of calls, executions that wait for each other.
 */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))
#define MOST 32

typedef int32_t status;
enum { SUCCESS = 0, INVALID = 2, RESOURCE = 4, TIMEOUT = 5, NO_CORES = 9, BAD_VERSION = 10, UNINITIALIZED = 13, CLOSED = 14, BAD_INPUT = 1002, NOT_A_NUMBER = 1003 };
enum { F32 = 10 };

typedef struct { char name[256]; int32_t usage; size_t size; int32_t dtype; uint32_t *shape; uint32_t ndim; } info;
typedef struct { uint64_t count; info infos[]; } infos;
typedef struct { char name[256]; unsigned char *data; size_t size; int sets; } tensor;
typedef struct { int count; char names[MOST][256]; tensor *tensors[MOST]; } set;
typedef struct { int count; info infos[MOST]; uint32_t shapes[MOST][8]; float factors[MOST]; char sources[MOST][256]; int running; } model;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int state; /* 0 never initialised, 1 initialised, 2 closed */
static uint32_t total_cores = 2, visible_cores = 2;
static size_t used, limit = (size_t)1 << 30;
static int64_t live_models, live_tensors, live_sets, live_infos;
static uint64_t misuses;
static int hold, inside, most_inside, together;

/* What a function answers, and how often it was called. */
static struct { char name[64]; int64_t calls, good; status answer; } calls[64];

static int find(const char *name) {
    int i = 0;
    for (; i < 63 && calls[i].name[0]; i++)
        if (!strcmp(calls[i].name, name)) return i;
    snprintf(calls[i].name, sizeof calls[i].name, "%s", name);
    return i;
}

/* Counts a call; the status that the test ordered for it, else that of the runtime's state. */
static status enter(const char *name, int needs_runtime) {
    pthread_mutex_lock(&lock);
    int i = find(name);
    status answer = SUCCESS;
    calls[i].calls++;
    if (calls[i].answer && calls[i].good-- <= 0) answer = calls[i].answer;
    else if (needs_runtime && state != 1) answer = state ? CLOSED : UNINITIALIZED;
    pthread_mutex_unlock(&lock);
    return answer;
}

static void misuse(int bad, const char *what) {
    if (!bad) return;
    pthread_mutex_lock(&lock);
    misuses++;
    pthread_mutex_unlock(&lock);
    fprintf(stderr, "double of libnrt: %s\n", what);
}

static void count(int64_t *counter, int by) {
    pthread_mutex_lock(&lock);
    *counter += by;
    pthread_mutex_unlock(&lock);
}

/* What tests call. */

EXPORT void nrt_double_answer(const char *name, int32_t answer, int64_t after) {
    pthread_mutex_lock(&lock);
    int i = find(name);
    calls[i].answer = answer;
    calls[i].good = after;
    pthread_mutex_unlock(&lock);
}

#ifdef ORDER
/* Ordered when it is compiled, for tests that do not share the process: -DORDER="nrt_execute" -DSTATUS=1003 -DAFTER=2. */
__attribute__((constructor)) static void order(void) { nrt_double_answer(ORDER, STATUS, AFTER); }
#endif

EXPORT int64_t nrt_double_calls(const char *name) { return calls[find(name)].calls; }
EXPORT int64_t nrt_double_live(void) { return live_models + live_tensors + live_sets + live_infos; }
EXPORT uint64_t nrt_double_misuses(void) { return misuses; }
EXPORT int32_t nrt_double_state(void) { return state; }
EXPORT void nrt_double_memory(size_t bytes) { limit = bytes; }
EXPORT void nrt_double_hold(int32_t lanes) { hold = lanes; }
EXPORT int32_t nrt_double_most_inside(void) { return most_inside; }

/* The runtime. */

EXPORT status nrt_init(int32_t framework, const char *version, const char *layer) {
    status answer = enter("nrt_init", 0);
    if (answer) return answer;
    if (framework != 1 || !version || !layer || state == 1) return INVALID;
    if (state == 2) return CLOSED;
    state = 1;
    return SUCCESS;
}

EXPORT void nrt_close(void) {
    enter("nrt_close", 0);
    misuse(state != 1, "closed without being open");
    misuse(nrt_double_live() != 0, "closed while something of it lives");
    state = 2;
}

typedef struct { uint64_t major, minor, patch, maintenance; char detail[128], git_hash[64]; } version;
EXPORT status nrt_get_version(version *v, size_t size) {
    status answer = enter("nrt_get_version", 0);
    if (answer) return answer;
    if (size != sizeof *v) return INVALID;
    *v = (version){2, 34, 10, 0, "double", "0000000"};
    return SUCCESS;
}

typedef struct { uint32_t family, size; char arch_name[16], device_revision[8]; } instance;
EXPORT status nrt_get_instance_info(instance *i, size_t size) {
    status answer = enter("nrt_get_instance_info", 0);
    if (answer) return answer;
    if (size != sizeof *i) return INVALID;
    *i = (instance){2, 1, "double", "0"};
    return SUCCESS;
}

EXPORT status nrt_get_total_vnc_count(uint32_t *n) {
    status answer = enter("nrt_get_total_vnc_count", 0);
    if (!answer) *n = total_cores;
    return answer;
}

EXPORT status nrt_get_visible_vnc_count(uint32_t *n) {
    status answer = enter("nrt_get_visible_vnc_count", 0);
    if (!answer) *n = visible_cores;
    return answer;
}

typedef struct { size_t used, limit; } memory;
EXPORT status nrt_get_vnc_memory_stats(uint32_t core, memory *m, size_t size, size_t *filled) {
    status answer = enter("nrt_get_vnc_memory_stats", 1);
    if (answer) return answer;
    if (core >= visible_cores || size < sizeof *m) return INVALID;
    *m = (memory){used, limit};
    *filled = sizeof *m;
    return SUCCESS;
}

/* Tensors and sets. */

EXPORT status nrt_tensor_allocate(int32_t placement, int32_t core, size_t size, const char *name, tensor **result) {
    status answer = enter("nrt_tensor_allocate", 1);
    if (answer) return answer;
    if (placement < 0 || placement > 1 || (placement == 1) != (core == -1) || core >= (int)visible_cores) return INVALID;
    if (used + size > limit) return RESOURCE;
    tensor *t = calloc(1, sizeof *t);
    t->data = calloc(1, size ? size : 1);
    t->size = size;
    snprintf(t->name, sizeof t->name, "%s", name ? name : "");
    pthread_mutex_lock(&lock);
    used += size;
    pthread_mutex_unlock(&lock);
    count(&live_tensors, 1);
    *result = t;
    return SUCCESS;
}

EXPORT void nrt_tensor_free(tensor **t) {
    enter("nrt_tensor_free", 0);
    misuse(state != 1, "a tensor freed outside the runtime's life");
    misuse((*t)->sets != 0, "a tensor freed while a set has it");
    pthread_mutex_lock(&lock);
    used -= (*t)->size;
    pthread_mutex_unlock(&lock);
    count(&live_tensors, -1);
    free((*t)->data);
    free(*t);
    *t = NULL;
}

EXPORT size_t nrt_tensor_get_size(const tensor *t) {
    return enter("nrt_tensor_get_size", 0) ? 0 : t->size;
}

EXPORT status nrt_tensor_write(tensor *t, const void *buffer, size_t offset, size_t size) {
    status answer = enter("nrt_tensor_write", 1);
    if (answer) return answer;
    if (offset + size > t->size) return INVALID;
    memcpy(t->data + offset, buffer, size);
    return SUCCESS;
}

EXPORT status nrt_tensor_read(const tensor *t, void *buffer, size_t offset, size_t size) {
    status answer = enter("nrt_tensor_read", 1);
    if (answer) return answer;
    if (offset + size > t->size) return INVALID;
    memcpy(buffer, t->data + offset, size);
    return SUCCESS;
}

EXPORT status nrt_allocate_tensor_set(set **result) {
    status answer = enter("nrt_allocate_tensor_set", 1);
    if (answer) return answer;
    *result = calloc(1, sizeof **result);
    count(&live_sets, 1);
    return SUCCESS;
}

EXPORT void nrt_destroy_tensor_set(set **s) {
    enter("nrt_destroy_tensor_set", 0);
    misuse(state != 1, "a set destroyed outside the runtime's life");
    pthread_mutex_lock(&lock);
    for (int i = 0; i < (*s)->count; i++) (*s)->tensors[i]->sets--;
    pthread_mutex_unlock(&lock);
    count(&live_sets, -1);
    free(*s);
    *s = NULL;
}

static tensor *in_set(const set *s, const char *name) {
    for (int i = 0; i < s->count; i++)
        if (!strcmp(s->names[i], name)) return s->tensors[i];
    return NULL;
}

EXPORT status nrt_add_tensor_to_tensor_set(set *s, const char *name, tensor *t) {
    status answer = enter("nrt_add_tensor_to_tensor_set", 1);
    if (answer) return answer;
    int i = 0;
    while (i < s->count && strcmp(s->names[i], name)) i++;
    if (i == MOST) return RESOURCE;
    pthread_mutex_lock(&lock);
    if (i == s->count) s->count++;
    else s->tensors[i]->sets--;
    t->sets++;
    pthread_mutex_unlock(&lock);
    snprintf(s->names[i], sizeof s->names[i], "%s", name);
    s->tensors[i] = t;
    return SUCCESS;
}

/* Models. */

static size_t width(int dtype) {
    static const size_t widths[16] = {0, 8, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 8, 1, 1, 1};
    return dtype > 0 && dtype < 16 ? widths[dtype] : 0;
}

static int parse(model *m, char *text) {
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char way[4], name[256], dims[128], source[256] = "";
        int dtype, i = m->count;
        float factor = 1;
        int fields = sscanf(line, "%3s %255s %d %127s %f %255s", way, name, &dtype, dims, &factor, source);
        int output = !strcmp(way, "out");
        if (i == MOST || fields != (output ? 6 : 4) || (!output && strcmp(way, "in")) || !width(dtype)) return 0;
        info *t = &m->infos[m->count++];
        size_t elements = 1;
        char *more = NULL;
        for (char *d = strcmp(dims, "-") ? strtok_r(dims, "x", &more) : NULL; d && t->ndim < 8; d = strtok_r(NULL, "x", &more)) {
            m->shapes[i][t->ndim++] = (uint32_t)atoi(d);
            elements *= (size_t)atoi(d);
        }
        snprintf(t->name, sizeof t->name, "%s", name);
        t->usage = output;
        t->dtype = dtype;
        t->size = elements * width(dtype);
        t->shape = m->shapes[i];
        m->factors[i] = factor;
        snprintf(m->sources[i], sizeof m->sources[i], "%s", source);
    }
    return m->count > 0;
}

EXPORT status nrt_load(const unsigned char *neff, size_t size, int32_t core, int32_t cores, model **result) {
    status answer = enter("nrt_load", 1);
    if (answer) return answer;
    uint64_t header, data, major;
    if (size < 1024 || cores != -1) return INVALID;
    memcpy(&header, neff + 8, 8);
    memcpy(&data, neff + 16, 8);
    memcpy(&major, neff + 24, 8);
    if (header != 1024 || size != 1024 + data) return INVALID;
    if (major > 2) return BAD_VERSION;
    if (core >= (int)visible_cores) return NO_CORES;
    char *text = calloc(1, data + 1);
    memcpy(text, neff + 1024, data);
    model *m = calloc(1, sizeof *m);
    int good = parse(m, text);
    free(text);
    if (!good) {
        free(m);
        return INVALID;
    }
    count(&live_models, 1);
    *result = m;
    return SUCCESS;
}

EXPORT status nrt_unload(model *m) {
    status answer = enter("nrt_unload", 1);
    misuse(state != 1, "a model unloaded outside the runtime's life");
    misuse(m->running != 0, "a model unloaded while it executes");
    count(&live_models, -1);
    free(m);
    return answer;
}

EXPORT status nrt_get_model_tensor_info(model *m, infos **result) {
    status answer = enter("nrt_get_model_tensor_info", 1);
    if (answer) return answer;
    infos *list = calloc(1, sizeof *list + (size_t)m->count * sizeof(info));
    list->count = (uint64_t)m->count;
    for (int i = 0; i < m->count; i++) {
        info *t = &list->infos[i];
        *t = m->infos[i];
        t->shape = t->ndim ? malloc(t->ndim * sizeof *t->shape) : NULL;
        if (t->ndim) memcpy(t->shape, m->shapes[i], t->ndim * sizeof *t->shape);
    }
    count(&live_infos, 1);
    *result = list;
    return SUCCESS;
}

EXPORT status nrt_free_model_tensor_info(infos *list) {
    status answer = enter("nrt_free_model_tensor_info", 1);
    for (uint64_t i = 0; i < list->count; i++) free(list->infos[i].shape);
    free(list);
    count(&live_infos, -1);
    return answer;
}

/* Waits until as many executions are inside as the test ordered; after 30 seconds they will not come. */
static status meet(model *m) {
    status answer = SUCCESS;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    pthread_mutex_lock(&lock);
    m->running++;
    if (++inside > most_inside) most_inside = inside;
    if (inside >= hold) together = 1;
    pthread_cond_broadcast(&changed);
    while (hold && !together && !answer)
        if (pthread_cond_timedwait(&changed, &lock, &until)) answer = TIMEOUT;
    pthread_mutex_unlock(&lock);
    return answer;
}

static status compute(const model *m, const set *inputs, const set *outputs) {
    int nan = 0;
    for (int i = 0; i < m->count; i++) {
        const info *t = &m->infos[i];
        tensor *to = in_set(t->usage ? outputs : inputs, t->name);
        if (!to || to->size != t->size) return BAD_INPUT;
        if (!t->usage) continue;
        const tensor *from = in_set(inputs, m->sources[i]);
        if (!from || from->size != to->size) return BAD_INPUT;
        if (t->dtype != F32) {
            memmove(to->data, from->data, to->size);
            continue;
        }
        for (size_t k = 0; k + 4 <= to->size; k += 4) {
            float value;
            memcpy(&value, from->data + k, 4);
            value *= m->factors[i];
            nan |= isnan(value);
            memcpy(to->data + k, &value, 4);
        }
    }
    return nan ? NOT_A_NUMBER : SUCCESS;
}

#ifndef WITHOUT_EXECUTE
EXPORT status nrt_execute(model *m, const set *inputs, set *outputs) {
    status answer = enter("nrt_execute", 1);
    if (answer) return answer;
    answer = meet(m);
    if (!answer) answer = compute(m, inputs, outputs);
    pthread_mutex_lock(&lock);
    inside--;
    m->running--;
    pthread_mutex_unlock(&lock);
    return answer;
}
#endif
