/* What coap2.h uses of <string.h>, for a bare compiler without a C library
   (xtensa-lx106): enough to compile, not to link. */
#ifndef STRING_H
#define STRING_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

int memcmp(const void *a, const void *b, size_t length);
void *memcpy(void *to, const void *from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
void *memchr(const void *bytes, int byte, size_t length);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);

#ifdef __cplusplus
}
#endif

#endif
