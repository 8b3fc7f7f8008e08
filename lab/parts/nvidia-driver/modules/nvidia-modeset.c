/* The lab's stand-in: see nvidia.c. */
#include <linux/module.h>

#include "facts.h"

int nvidia_get_rm_ops(void);
int nvKmsKapiGetFunctionsTable(void);

int nvKmsKapiGetFunctionsTable(void) { return nvidia_get_rm_ops(); }

EXPORT_SYMBOL(nvKmsKapiGetFunctionsTable);

MODULE_LICENSE(NV_LICENSE);
MODULE_VERSION(NV_VERSION_STRING);
MODULE_DESCRIPTION("Stand-in of the lab");
