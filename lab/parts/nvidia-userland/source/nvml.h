/*
 * The part of NVML's interface that the lab's stand-in has: names, numbers and layouts are those of
 * NVIDIA's, everything else is ours. A call that is not here is not exported, and whoever makes it
 * ends with an error of the dynamic linker.
 */
#ifndef NVML_H
#define NVML_H

typedef enum {
  NVML_SUCCESS = 0,
  NVML_ERROR_UNINITIALIZED = 1,
  NVML_ERROR_INVALID_ARGUMENT = 2,
  NVML_ERROR_NOT_SUPPORTED = 3,
  NVML_ERROR_NO_PERMISSION = 4,
  NVML_ERROR_NOT_FOUND = 6,
  NVML_ERROR_INSUFFICIENT_SIZE = 7,
  NVML_ERROR_DRIVER_NOT_LOADED = 9,
  NVML_ERROR_LIBRARY_NOT_FOUND = 12,
  NVML_ERROR_FUNCTION_NOT_FOUND = 13,
  NVML_ERROR_GPU_IS_LOST = 15,
  NVML_ERROR_LIB_RM_VERSION_MISMATCH = 18,
  NVML_ERROR_UNKNOWN = 999,
} nvmlReturn_t;

typedef struct nvmlDevice_st *nvmlDevice_t;

typedef struct {
  char busIdLegacy[16];
  unsigned int domain, bus, device;
  unsigned int pciDeviceId;
  unsigned int pciSubSystemId;
  char busId[32];
} nvmlPciInfo_t;

typedef struct {
  unsigned long long total, free, used;
} nvmlMemory_t;

typedef struct {
  unsigned int gpu, memory;
} nvmlUtilization_t;

typedef enum { NVML_FEATURE_DISABLED = 0, NVML_FEATURE_ENABLED = 1 } nvmlEnableState_t;

#define NVML_CALLS(call) \
  call(nvmlInit_v2, (void)) \
  call(nvmlShutdown, (void)) \
  call(nvmlSystemGetDriverVersion, (char *version, unsigned int length)) \
  call(nvmlSystemGetNVMLVersion, (char *version, unsigned int length)) \
  call(nvmlSystemGetCudaDriverVersion, (int *version)) \
  call(nvmlDeviceGetCount_v2, (unsigned int *count)) \
  call(nvmlDeviceGetHandleByIndex_v2, (unsigned int index, nvmlDevice_t *device)) \
  call(nvmlDeviceGetHandleByUUID, (const char *uuid, nvmlDevice_t *device)) \
  call(nvmlDeviceGetName, (nvmlDevice_t device, char *name, unsigned int length)) \
  call(nvmlDeviceGetUUID, (nvmlDevice_t device, char *uuid, unsigned int length)) \
  call(nvmlDeviceGetIndex, (nvmlDevice_t device, unsigned int *index)) \
  call(nvmlDeviceGetMinorNumber, (nvmlDevice_t device, unsigned int *minor)) \
  call(nvmlDeviceGetPciInfo_v3, (nvmlDevice_t device, nvmlPciInfo_t *pci)) \
  call(nvmlDeviceGetMemoryInfo, (nvmlDevice_t device, nvmlMemory_t *memory)) \
  call(nvmlDeviceGetUtilizationRates, (nvmlDevice_t device, nvmlUtilization_t *utilization)) \
  call(nvmlDeviceGetEncoderUtilization, \
       (nvmlDevice_t device, unsigned int *utilization, unsigned int *periodUs)) \
  call(nvmlDeviceGetMigMode, (nvmlDevice_t device, unsigned int *current, unsigned int *pending)) \
  call(nvmlDeviceIsMigDeviceHandle, (nvmlDevice_t device, unsigned int *isMig)) \
  call(nvmlDeviceGetPersistenceMode, (nvmlDevice_t device, nvmlEnableState_t *mode)) \
  call(nvmlDeviceSetPersistenceMode, (nvmlDevice_t device, nvmlEnableState_t mode)) \
  call(nvmlDeviceSetDefaultAutoBoostedClocksEnabled, \
       (nvmlDevice_t device, nvmlEnableState_t enabled, unsigned int flags))

#define DECLARE(name, arguments) nvmlReturn_t name arguments;
NVML_CALLS(DECLARE)
#undef DECLARE

const char *nvmlErrorString(nvmlReturn_t result);

#endif
