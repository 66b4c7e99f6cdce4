/* The codec program with the library in a file of its own: what a program takes
   that the compiler does not see whole. */

#define EXTERN
#include "codec.c"
