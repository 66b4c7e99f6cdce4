/* A node and nothing that uses it, to link with a library whose functions are
   all kept: what a set of knobs takes. */

#include "coap2.h"

#if COAP2_WITH_SERVER || COAP2_WITH_CLIENT
coap2_node node;
#endif

int main(void)
{
    return 0;
}
