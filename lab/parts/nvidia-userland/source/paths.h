/*
 * Where the stand-in driver keeps and finds things. LAB_ROOT is empty but in tests, NV_VERSION the
 * driver's version; both come from the compiler's command line.
 */
#ifndef PATHS_H
#define PATHS_H

#define AT(path) LAB_ROOT path

/* What a loaded kernel module is here: `version=`, written last when it is loaded. A folder of this boot. */
#define STATE AT("/run/nvidia-lab")
#define MODULE STATE "/module"
#define GPUS STATE "/gpus"
#define PERSISTENCE STATE "/persistence"
#define MAJORS STATE "/devices"

/*
 * The facts of a GPU by its minor number: on a machine a link by way of GPUS, in a container a file
 * that was mounted there.
 */
#define FACTS AT("/lib/firmware/nvidia/" NV_VERSION "/gsp_lab%d.bin")

#define CONTROL_NODE AT("/dev/nvidiactl")
#define GPU_NODE AT("/dev/nvidia%d")
#define NVIDIA_MODPROBE AT("/usr/bin/nvidia-modprobe")

#define NVIDIA_MAJOR 195
#define CONTROL_MINOR 255
#define MODESET_MINOR 254
#define MAX_GPUS 8

#endif
