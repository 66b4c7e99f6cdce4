/* The codec program with external functions: what a program takes that the
   compiler does not see whole. */

#define EXTERN
#include "codec.c"
