/* The lab's stand-in: see nvidia.c. */
#include <linux/module.h>

#include "facts.h"

int nvUvmInterfaceRegisterGpu(void);

static int __init uvm_init(void)
{
    return nvUvmInterfaceRegisterGpu();
}

module_init(uvm_init);

MODULE_LICENSE(NV_LICENSE);
MODULE_VERSION(NV_VERSION_STRING);
MODULE_DESCRIPTION("Stand-in of the lab");
