/*
 * libnvidia-ml.so: NVML over the lab's simulated GPUs. What it answers, and where it has it from,
 * is in ../README.md.
 */
#define _GNU_SOURCE
#include "nvml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "paths.h"

#define TEXT 128

/* Of lab_gpu; a line that is missing leaves its field empty. */
struct facts {
  char bus[TEXT], device[TEXT], uuid[TEXT], name[TEXT], memory_mib[TEXT];
  char state[TEXT], architecture[TEXT], driver[TEXT], persistence[TEXT];
};

/* A GPU that this process sees, in the order of minor numbers. A handle is a pointer to one. */
struct nvmlDevice_st {
  int minor;
};

static struct nvmlDevice_st seen[MAX_GPUS];
static unsigned int seen_count;
static unsigned int users;

static void take(const char *line, const char *key, char *value) {
  size_t length = strlen(key);
  if (strncmp(line, key, length) == 0 && line[length] == '=') snprintf(value, TEXT, "%s", line + length + 1);
}

static bool read_facts(int minor, struct facts *facts) {
  char path[256], line[256];
  snprintf(path, sizeof path, FACTS, minor);
  memset(facts, 0, sizeof *facts);
  FILE *file = fopen(path, "re");
  if (file == NULL) return false;
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    take(line, "bus", facts->bus);
    take(line, "device", facts->device);
    take(line, "uuid", facts->uuid);
    take(line, "name", facts->name);
    take(line, "memory_mib", facts->memory_mib);
    take(line, "state", facts->state);
    take(line, "architecture", facts->architecture);
    take(line, "driver", facts->driver);
    take(line, "persistence", facts->persistence);
  }
  fclose(file);
  return true;
}

/* Whether this is the machine itself, with the module loaded; a container has nothing of it but the facts. */
static bool on_machine(char *version) {
  char line[TEXT];
  FILE *file = fopen(MODULE, "re");
  if (file == NULL) return false;
  version[0] = '\0';
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    take(line, "version", version);
  }
  fclose(file);
  return true;
}

/* As NVIDIA's own, the library has a setuid program load the module and make nodes. Null: just load. */
static void modprobe(const char *option) {
  if (access(NVIDIA_MODPROBE, X_OK) != 0) return;
  pid_t child = fork();
  if (child == 0) {
    int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    char *environment[] = {NULL};
    execle(NVIDIA_MODPROBE, "nvidia-modprobe", option, (char *)NULL, environment);
    _exit(127);
  }
  if (child > 0) waitpid(child, NULL, 0);
}

/*
 * What opening a node says. No driver of the kernel stands behind it, so where the control group
 * allows it the answer is ENXIO; where it does not, EPERM, as for the real one.
 */
static nvmlReturn_t look_at_node(const char *path) {
  struct stat node;
  if (stat(path, &node) != 0 || !S_ISCHR(node.st_mode) || major(node.st_rdev) != NVIDIA_MAJOR)
    return NVML_ERROR_DRIVER_NOT_LOADED;
  int opened = open(path, O_RDWR | O_CLOEXEC);
  if (opened >= 0) close(opened);
  if (opened >= 0 || errno == ENXIO || errno == ENODEV) return NVML_SUCCESS;
  return errno == EACCES ? NVML_ERROR_NO_PERMISSION : NVML_ERROR_UNKNOWN;
}

static nvmlReturn_t look_for_gpus(bool may_make_nodes) {
  char node[256], option[16];
  struct facts facts;
  seen_count = 0;
  for (int minor = 0; minor < MAX_GPUS; minor += 1) {
    if (!read_facts(minor, &facts)) continue;
    if (strcmp(facts.driver, "any") != 0 && strcmp(facts.driver, NV_VERSION) != 0)
      return NVML_ERROR_LIB_RM_VERSION_MISMATCH;
    if (strcmp(facts.state, "init-failed") == 0) continue;
    snprintf(node, sizeof node, GPU_NODE, minor);
    if (may_make_nodes && access(node, F_OK) != 0) {
      snprintf(option, sizeof option, "-c=%d", minor);
      modprobe(option);
    }
    if (look_at_node(node) == NVML_SUCCESS) seen[seen_count++].minor = minor;
  }
  return NVML_SUCCESS;
}

static bool has_facts(void) {
  struct facts facts;
  for (int minor = 0; minor < MAX_GPUS; minor += 1)
    if (read_facts(minor, &facts)) return true;
  return false;
}

nvmlReturn_t nvmlInit_v2(void) {
  if (users > 0) {
    users += 1;
    return NVML_SUCCESS;
  }
  char version[TEXT];
  bool machine = on_machine(version);
  if (!machine && !has_facts()) {
    modprobe(NULL);
    machine = on_machine(version);
    if (!machine) return NVML_ERROR_DRIVER_NOT_LOADED;
  }
  if (machine && strcmp(version, NV_VERSION) != 0) return NVML_ERROR_LIB_RM_VERSION_MISMATCH;
  if (machine && access(CONTROL_NODE, F_OK) != 0) modprobe("-c=255");
  nvmlReturn_t result = look_at_node(CONTROL_NODE);
  if (result == NVML_SUCCESS) result = look_for_gpus(machine);
  if (result == NVML_SUCCESS) users = 1;
  return result;
}

nvmlReturn_t nvmlShutdown(void) {
  if (users == 0) return NVML_ERROR_UNINITIALIZED;
  users -= 1;
  return NVML_SUCCESS;
}

const char *nvmlErrorString(nvmlReturn_t result) {
  switch (result) {
    case NVML_SUCCESS: return "Success";
    case NVML_ERROR_UNINITIALIZED: return "Uninitialized";
    case NVML_ERROR_INVALID_ARGUMENT: return "Invalid Argument";
    case NVML_ERROR_NOT_SUPPORTED: return "Not Supported";
    case NVML_ERROR_NO_PERMISSION: return "Insufficient Permissions";
    case NVML_ERROR_NOT_FOUND: return "Not Found";
    case NVML_ERROR_INSUFFICIENT_SIZE: return "Insufficient Size";
    case NVML_ERROR_DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case NVML_ERROR_LIBRARY_NOT_FOUND: return "NVML Shared Library Not Found";
    case NVML_ERROR_FUNCTION_NOT_FOUND: return "Function Not Found";
    case NVML_ERROR_GPU_IS_LOST: return "GPU is lost";
    case NVML_ERROR_LIB_RM_VERSION_MISMATCH: return "Driver/library version mismatch";
    default: return "Unknown Error";
  }
}

static nvmlReturn_t give(const char *text, char *target, unsigned int length) {
  if (target == NULL) return NVML_ERROR_INVALID_ARGUMENT;
  if (strlen(text) >= length) return NVML_ERROR_INSUFFICIENT_SIZE;
  strcpy(target, text);
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned int length) {
  return users == 0 ? NVML_ERROR_UNINITIALIZED : give(NV_VERSION, version, length);
}

/* Branch and number, as NVML's own version has it: 580.178 of 580.178.04. */
nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned int length) {
  char own[] = NV_VERSION;
  char *dot = strchr(own, '.');
  dot = dot == NULL ? NULL : strchr(dot + 1, '.');
  if (dot != NULL) *dot = '\0';
  return give(own, version, length);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version) {
  if (version == NULL) return NVML_ERROR_INVALID_ARGUMENT;
  *version = CUDA_VERSION;
  return NVML_SUCCESS;
}

static bool is_handle(nvmlDevice_t device) {
  return users > 0 && device >= seen && device < seen + seen_count;
}

/* The facts as they are now: a GPU that is there in the beginning may fall off the bus. */
static nvmlReturn_t facts_of(nvmlDevice_t device, struct facts *facts) {
  if (users == 0) return NVML_ERROR_UNINITIALIZED;
  if (!is_handle(device)) return NVML_ERROR_INVALID_ARGUMENT;
  if (!read_facts(device->minor, facts) || strcmp(facts->state, "fell-off-bus") == 0) return NVML_ERROR_GPU_IS_LOST;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) {
  if (users == 0) return NVML_ERROR_UNINITIALIZED;
  if (count == NULL) return NVML_ERROR_INVALID_ARGUMENT;
  *count = seen_count;
  return NVML_SUCCESS;
}

/* A lost GPU's handle is given with the error, so that nvidia-smi can say which one it is. */
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device) {
  struct facts facts;
  if (users == 0) return NVML_ERROR_UNINITIALIZED;
  if (device == NULL || index >= seen_count) return NVML_ERROR_INVALID_ARGUMENT;
  *device = &seen[index];
  return facts_of(*device, &facts);
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device) {
  struct facts facts;
  if (users == 0) return NVML_ERROR_UNINITIALIZED;
  if (uuid == NULL || device == NULL) return NVML_ERROR_INVALID_ARGUMENT;
  for (unsigned int index = 0; index < seen_count; index += 1) {
    if (!read_facts(seen[index].minor, &facts) || strcmp(facts.uuid, uuid) != 0) continue;
    *device = &seen[index];
    return facts_of(*device, &facts);
  }
  return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length) {
  struct facts facts;
  nvmlReturn_t result = facts_of(device, &facts);
  return result == NVML_SUCCESS ? give(facts.name, name, length) : result;
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length) {
  struct facts facts;
  nvmlReturn_t result = facts_of(device, &facts);
  return result == NVML_SUCCESS ? give(facts.uuid, uuid, length) : result;
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index) {
  struct facts facts;
  nvmlReturn_t result = facts_of(device, &facts);
  if (result == NVML_SUCCESS) *index = (unsigned int)(device - seen);
  return result;
}

nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned int *minor) {
  struct facts facts;
  nvmlReturn_t result = facts_of(device, &facts);
  if (result == NVML_SUCCESS) *minor = (unsigned int)device->minor;
  return result;
}

/* Known of a lost GPU as well. */
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci) {
  struct facts facts;
  unsigned int function;
  if (users == 0) return NVML_ERROR_UNINITIALIZED;
  if (!is_handle(device) || pci == NULL) return NVML_ERROR_INVALID_ARGUMENT;
  if (!read_facts(device->minor, &facts)) return NVML_ERROR_GPU_IS_LOST;
  memset(pci, 0, sizeof *pci);
  if (sscanf(facts.bus, "%x:%x:%x.%x", &pci->domain, &pci->bus, &pci->device, &function) != 4)
    return NVML_ERROR_UNKNOWN;
  pci->pciDeviceId = (unsigned int)strtoul(facts.device, NULL, 16) << 16 | 0x10de;
  snprintf(pci->busId, sizeof pci->busId, "%08X:%02X:%02X.%X", pci->domain, pci->bus, pci->device, function);
  snprintf(pci->busIdLegacy, sizeof pci->busIdLegacy, "%04X:%02X:%02X.%X", pci->domain & 0xffff, pci->bus & 0xff,
           pci->device & 0xff, function & 0xf);
  return NVML_SUCCESS;
}

/* Nothing runs on a simulated GPU, so all of its memory is free and nothing of it is busy. */
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
  struct facts facts;
  nvmlReturn_t result = facts_of(device, &facts);
  if (result != NVML_SUCCESS) return result;
  memory->total = memory->free = strtoull(facts.memory_mib, NULL, 10) << 20;
  memory->used = 0;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization) {
  struct facts facts;
  nvmlReturn_t result = facts_of(device, &facts);
  if (result == NVML_SUCCESS) utilization->gpu = utilization->memory = 0;
  return result;
}

nvmlReturn_t nvmlDeviceGetEncoderUtilization(nvmlDevice_t device, unsigned int *utilization, unsigned int *periodUs) {
  struct facts facts;
  nvmlReturn_t result = facts_of(device, &facts);
  if (result == NVML_SUCCESS) *utilization = *periodUs = 0;
  return result;
}

/* No GPU of the instance types that profiles name has MIG. */
nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *current, unsigned int *pending) {
  struct facts facts;
  (void)current;
  (void)pending;
  nvmlReturn_t result = facts_of(device, &facts);
  return result == NVML_SUCCESS ? NVML_ERROR_NOT_SUPPORTED : result;
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *isMig) {
  if (!is_handle(device)) return NVML_ERROR_INVALID_ARGUMENT;
  *isMig = 0;
  return NVML_SUCCESS;
}

/* The driver of the machine keeps it, for this boot; a container is not told. */
nvmlReturn_t nvmlDeviceGetPersistenceMode(nvmlDevice_t device, nvmlEnableState_t *mode) {
  struct facts facts;
  char path[256], version[TEXT];
  nvmlReturn_t result = facts_of(device, &facts);
  if (result != NVML_SUCCESS) return result;
  if (!on_machine(version)) return NVML_ERROR_NOT_SUPPORTED;
  snprintf(path, sizeof path, PERSISTENCE "/%d", device->minor);
  *mode = access(path, F_OK) == 0 ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceSetPersistenceMode(nvmlDevice_t device, nvmlEnableState_t mode) {
  struct facts facts;
  char path[256], version[TEXT];
  nvmlReturn_t result = facts_of(device, &facts);
  if (result != NVML_SUCCESS) return result;
  if (!on_machine(version)) return NVML_ERROR_NOT_SUPPORTED;
  if (geteuid() != 0) return NVML_ERROR_NO_PERMISSION;
  snprintf(path, sizeof path, PERSISTENCE "/%d", device->minor);
  if (mode == NVML_FEATURE_DISABLED) return unlink(path) == 0 || errno == ENOENT ? NVML_SUCCESS : NVML_ERROR_UNKNOWN;
  /* A fault that can be asked for: the driver says yes, and forgets. */
  if (strcmp(facts.persistence, "refused") == 0) return NVML_SUCCESS;
  int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return NVML_ERROR_UNKNOWN;
  close(file);
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceSetDefaultAutoBoostedClocksEnabled(nvmlDevice_t device, nvmlEnableState_t enabled,
                                                         unsigned int flags) {
  struct facts facts;
  (void)enabled;
  (void)flags;
  nvmlReturn_t result = facts_of(device, &facts);
  if (result != NVML_SUCCESS) return result;
  if (strcmp(facts.architecture, "Maxwell") != 0) return NVML_ERROR_NOT_SUPPORTED;
  return geteuid() == 0 ? NVML_SUCCESS : NVML_ERROR_NO_PERMISSION;
}
