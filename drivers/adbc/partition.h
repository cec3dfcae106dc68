/* drivers/adbc/partition.h: what a partition's bytes say. They come from anywhere. */
#ifndef DBK_ADBC_PARTITION_H
#define DBK_ADBC_PARTITION_H

#include "driver.h"

typedef struct descriptor {
    const char *place, *id; /* borrowed */
    int64_t first, count;   /* chunks */
} descriptor;

void descriptor_write(const descriptor *d, text *out);
/* Cuts copy into pieces, which *out points to. False: no descriptor of this driver. */
bool descriptor_parse(char *copy, descriptor *out);

#endif
