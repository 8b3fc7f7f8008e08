/* The lab's stand-in: see nvidia.c. */
#include <linux/module.h>

#include "facts.h"

int nvidia_p2p_get_pages(void);

static int __init nv_mem_client_init(void)
{
    return nvidia_p2p_get_pages();
}

module_init(nv_mem_client_init);

MODULE_LICENSE(NV_LICENSE);
MODULE_VERSION(NV_VERSION_STRING);
MODULE_DESCRIPTION("Stand-in of the lab");
