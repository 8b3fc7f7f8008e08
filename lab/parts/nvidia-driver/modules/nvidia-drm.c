/* The lab's stand-in: see nvidia.c. */
#include <linux/module.h>

#include "facts.h"

int nvKmsKapiGetFunctionsTable(void);
int drm_dev_register(void);

static int modeset;

module_param(modeset, int, 0);

static int __init nv_drm_init(void)
{
    return nvKmsKapiGetFunctionsTable() + drm_dev_register() + modeset;
}

module_init(nv_drm_init);

MODULE_LICENSE(NV_LICENSE);
MODULE_VERSION(NV_VERSION_STRING);
MODULE_DESCRIPTION("Stand-in of the lab");
