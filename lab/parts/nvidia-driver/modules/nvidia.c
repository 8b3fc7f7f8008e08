/* The lab's stand-in of NVIDIA's kernel module: it says what the real one says of itself, and does nothing. */
#include <linux/module.h>

#include "facts.h"

static int NVreg_EnableGpuFirmware = 18;
static int NVreg_ModifyDeviceFiles = 1;
static int NVreg_DeviceFileMode = 0666;

module_param(NVreg_EnableGpuFirmware, int, 0);
module_param(NVreg_ModifyDeviceFiles, int, 0);
module_param(NVreg_DeviceFileMode, int, 0);

int nvidia_get_rm_ops(void);
int nvidia_p2p_get_pages(void);
int nvUvmInterfaceRegisterGpu(void);

int nvidia_get_rm_ops(void) { return NVreg_EnableGpuFirmware; }
int nvidia_p2p_get_pages(void) { return NVreg_ModifyDeviceFiles; }
int nvUvmInterfaceRegisterGpu(void) { return NVreg_DeviceFileMode; }

EXPORT_SYMBOL(nvidia_get_rm_ops);
EXPORT_SYMBOL(nvidia_p2p_get_pages);
EXPORT_SYMBOL(nvUvmInterfaceRegisterGpu);

static int __init nvidia_init(void)
{
    printk(KERN_INFO "NVRM: the lab's stand-in, version %s\n", NV_VERSION_STRING);
    return 0;
}

static void __exit nvidia_exit(void) {}

module_init(nvidia_init);
module_exit(nvidia_exit);

MODULE_LICENSE(NV_LICENSE);
MODULE_VERSION(NV_VERSION_STRING);
MODULE_DESCRIPTION("Stand-in of the lab");
MODULE_FIRMWARE("nvidia/" NV_VERSION_STRING "/gsp_ga10x.bin");
MODULE_FIRMWARE("nvidia/" NV_VERSION_STRING "/gsp_tu10x.bin");
MODULE_ALIAS("char-major-195-*");
MODULE_ALIAS("pci:v000010DEd*sv*sd*bc03sc02i00*");
MODULE_ALIAS("pci:v000010DEd*sv*sd*bc03sc00i00*");
