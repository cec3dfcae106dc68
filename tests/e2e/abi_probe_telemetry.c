#include "abi_probe.h"

#include <pthread.h>

/* Records of telemetry callbacks: kept as JSON, from whatever thread they come. */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *records;
static int released;

static json_t *attribute_json(const dbk_telemetry_attribute *a) {
    json_t *value = a->type == DBK_TELEMETRY_TYPE_TEXT  ? json_string(a->text)
                    : a->type == DBK_TELEMETRY_TYPE_INT ? json_integer(a->number)
                                                        : json_boolean(a->number != 0);
    return json_pack("{s:o?,s:b}", "value", value, "exported",
                     a->scope == DBK_TELEMETRY_SCOPE_EXPORTED);
}

void probe_keep_record(const dbk_telemetry_record *r, void *owner) {
    (void)owner;
    json_t *attributes = json_object();
    for (size_t i = 0; i < r->attribute_count; i++) {
        const dbk_telemetry_attribute *a = &r->attributes[i];
        json_object_set_new(attributes, a->name, attribute_json(a));
    }
    json_t *record =
        json_pack("{s:s?,s:b,s:b,s:I,s:I,s:o}", "name", r->name, "failed", r->failed, "sized",
                  r->struct_size == sizeof *r, "start_unix_ns", (json_int_t)r->start_unix_ns,
                  "duration_ns", (json_int_t)r->duration_ns, "attributes", attributes);
    pthread_mutex_lock(&lock);
    records = records != NULL ? records : json_array();
    json_array_append_new(records, record);
    pthread_mutex_unlock(&lock);
}

void probe_release_records(void *owner) {
    (void)owner;
    pthread_mutex_lock(&lock);
    released++;
    pthread_mutex_unlock(&lock);
}

json_t *probe_take_records(void) {
    pthread_mutex_lock(&lock);
    json_t *taken = records != NULL ? records : json_array();
    int times = released;
    records = NULL;
    pthread_mutex_unlock(&lock);
    return json_pack("{s:o,s:i}", "records", taken, "released", times);
}
