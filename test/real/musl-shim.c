/*
 * What Debian's C++ library wants of glibc and musl does not have: with it, executables for musl
 * run here, where no C++ library for musl can be had. Only for tests.
 */
#include <stddef.h>

extern long syscall(long number, ...);
extern size_t strftime_l(char *to, size_t max, const char *format, const void *time, void *locale);

char __libc_single_threaded = 0;

unsigned arc4random(void) {
  unsigned value = 0;
  syscall(318 /* getrandom of x86-64 */, &value, sizeof value, 0);
  return value;
}

size_t __strftime_l(char *to, size_t max, const char *format, const void *time, void *locale) {
  return strftime_l(to, max, format, time, locale);
}

/* Objects of a thread are not destroyed: the process ends with its threads. */
int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *dso) {
  return 0;
}

/* libgcc then asks dl_iterate_phdr. */
int _dl_find_object(void *address, void *result) {
  return -1;
}

int __cpu_indicator_init(void) {
  return 0;
}

struct { unsigned vendor, type, subtype, features; } __cpu_model;
