/*
 * nvidia-smi: the invocations that this project makes, with the words and exit codes of the real
 * one; any other is refused (../README.md).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nvml.h"
#include "paths.h"

#define TEXT 128
#define OTHER_ERROR 255
#define BAD_ARGUMENT 2
#define GIVEN_UP "Terminating early due to previous errors.\n"

#define POINTER(name, arguments) static nvmlReturn_t(*name##_) arguments;
NVML_CALLS(POINTER)
#undef POINTER
static const char *(*error_string)(nvmlReturn_t);

static bool load_library(void) {
  void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
  if (library == NULL) return false;
#define FIND(name, arguments) \
  if ((*(void **)&name##_ = dlsym(library, #name)) == NULL) return false;
  NVML_CALLS(FIND)
#undef FIND
  *(void **)&error_string = dlsym(library, "nvmlErrorString");
  return error_string != NULL;
}

static int exit_code(nvmlReturn_t result) {
  return result == NVML_ERROR_UNKNOWN ? OTHER_ERROR : (int)result;
}

/* Where the program's own words differ from those of the library. */
static const char *words_for(nvmlReturn_t result) {
  if (result == NVML_ERROR_GPU_IS_LOST) return "GPU is lost.  Reboot the system to recover this GPU";
  return error_string(result);
}

static int start(void) {
  char version[TEXT];
  if (!load_library()) {
    puts("NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. "
         "Please make sure that the NVIDIA Display Driver is properly installed and present in your system.\n"
         "Please also try adding directory that contains libnvidia-ml.so to your system PATH.");
    return NVML_ERROR_LIBRARY_NOT_FOUND;
  }
  nvmlReturn_t result = nvmlInit_v2_();
  if (result == NVML_SUCCESS) return 0;
  if (result == NVML_ERROR_DRIVER_NOT_LOADED)
    puts("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
         "Make sure that the latest NVIDIA driver is installed and running.\n");
  else
    printf("Failed to initialize NVML: %s\n", error_string(result));
  if (result == NVML_ERROR_LIB_RM_VERSION_MISMATCH &&
      nvmlSystemGetNVMLVersion_(version, sizeof version) == NVML_SUCCESS)
    printf("NVML library version: %s\n", version);
  return exit_code(result);
}

/* What is done with each GPU; its result is the program's when nothing else failed. */
typedef int (*gpu_work)(unsigned int index, nvmlDevice_t device);

static void bus_of(nvmlDevice_t device, char *bus) {
  nvmlPciInfo_t pci;
  snprintf(bus, TEXT, "%s", nvmlDeviceGetPciInfo_v3_(device, &pci) == NVML_SUCCESS ? pci.busId : "?");
}

static int each_gpu(gpu_work work) {
  unsigned int count = 0;
  int code = 0;
  nvmlPciInfo_t pci;
  nvmlReturn_t result = nvmlDeviceGetCount_v2_(&count);
  if (result != NVML_SUCCESS) return exit_code(result);
  if (count == 0) {
    puts("No devices were found");
    return NVML_ERROR_NOT_FOUND;
  }
  for (unsigned int index = 0; index < count; index += 1) {
    nvmlDevice_t device;
    result = nvmlDeviceGetHandleByIndex_v2_(index, &device);
    if (result == NVML_SUCCESS) {
      int done = work(index, device);
      if (code == 0) code = done;
      continue;
    }
    const char *bus = nvmlDeviceGetPciInfo_v3_(device, &pci) == NVML_SUCCESS ? pci.busIdLegacy : "?";
    printf("Unable to determine the device handle for GPU%u: %s: %s\n", index, bus, words_for(result));
    if (code == 0) code = exit_code(result);
  }
  return code;
}

static int list_gpu(unsigned int index, nvmlDevice_t device) {
  char name[TEXT], uuid[TEXT];
  nvmlReturn_t result = nvmlDeviceGetName_(device, name, sizeof name);
  if (result == NVML_SUCCESS) result = nvmlDeviceGetUUID_(device, uuid, sizeof uuid);
  if (result == NVML_SUCCESS) printf("GPU %u: %s (UUID: %s)\n", index, name, uuid);
  return exit_code(result);
}

static const char *mode_word(nvmlEnableState_t mode) {
  return mode == NVML_FEATURE_ENABLED ? "Enabled" : "Disabled";
}

static bool is_field(const char *field) {
  const char *known[] = {"driver_version", "uuid", "name", "persistence_mode", "utilization.gpu", "utilization.encoder"};
  for (unsigned int at = 0; at < sizeof known / sizeof *known; at += 1)
    if (strcmp(field, known[at]) == 0) return true;
  return false;
}

static char fields[TEXT];
static bool has_units;

static nvmlReturn_t value_of(const char *field, nvmlDevice_t device, char *value) {
  nvmlEnableState_t mode = NVML_FEATURE_DISABLED;
  nvmlUtilization_t rates = {0, 0};
  unsigned int encoder = 0, period = 0;
  nvmlReturn_t result;
  const char *unit = has_units ? " %" : "";
  if (strcmp(field, "driver_version") == 0) return nvmlSystemGetDriverVersion_(value, TEXT);
  if (strcmp(field, "uuid") == 0) return nvmlDeviceGetUUID_(device, value, TEXT);
  if (strcmp(field, "name") == 0) return nvmlDeviceGetName_(device, value, TEXT);
  if (strcmp(field, "persistence_mode") == 0) {
    result = nvmlDeviceGetPersistenceMode_(device, &mode);
    snprintf(value, TEXT, "%s", mode_word(mode));
  } else if (strcmp(field, "utilization.gpu") == 0) {
    result = nvmlDeviceGetUtilizationRates_(device, &rates);
    snprintf(value, TEXT, "%u%s", rates.gpu, unit);
  } else {
    result = nvmlDeviceGetEncoderUtilization_(device, &encoder, &period);
    snprintf(value, TEXT, "%u%s", encoder, unit);
  }
  if (result != NVML_ERROR_NOT_SUPPORTED) return result;
  snprintf(value, TEXT, "[N/A]");
  return NVML_SUCCESS;
}

static int query_gpu(unsigned int index, nvmlDevice_t device) {
  char asked[TEXT], line[TEXT * 4] = "", value[TEXT];
  (void)index;
  snprintf(asked, sizeof asked, "%s", fields);
  for (char *field = strtok(asked, ","); field != NULL; field = strtok(NULL, ",")) {
    nvmlReturn_t result = value_of(field, device, value);
    if (result != NVML_SUCCESS) {
      printf("[%s]\n", words_for(result));
      return exit_code(result);
    }
    if (line[0] != '\0') strcat(line, ", ");
    strcat(line, value);
  }
  puts(line);
  return 0;
}

static int keep(unsigned int index, nvmlDevice_t device) {
  char bus[TEXT];
  nvmlEnableState_t mode;
  (void)index;
  bus_of(device, bus);
  nvmlReturn_t result = nvmlDeviceGetPersistenceMode_(device, &mode);
  if (result == NVML_SUCCESS && mode == NVML_FEATURE_ENABLED) {
    printf("Persistence mode is already Enabled for GPU %s.\n", bus);
    return 0;
  }
  if (result == NVML_SUCCESS) result = nvmlDeviceSetPersistenceMode_(device, NVML_FEATURE_ENABLED);
  if (result == NVML_SUCCESS) printf("Enabled persistence mode for GPU %s.\n", bus);
  else printf("Unable to set persistence mode for GPU %s: %s\n%s", bus, words_for(result), GIVEN_UP);
  return exit_code(result);
}

static int no_auto_boost(unsigned int index, nvmlDevice_t device) {
  char bus[TEXT];
  (void)index;
  bus_of(device, bus);
  nvmlReturn_t result = nvmlDeviceSetDefaultAutoBoostedClocksEnabled_(device, NVML_FEATURE_DISABLED, 0);
  if (result == NVML_SUCCESS) printf("Default auto boosted clocks set to Disabled for GPU %s.\n", bus);
  else if (result == NVML_ERROR_NOT_SUPPORTED)
    printf("Changing default auto boosted clocks is not supported for GPU: %s.\n"
           "Treating as warning and moving on.\n",
           bus);
  else printf("Unable to set default auto boosted clocks for GPU %s: %s\n%s", bus, words_for(result), GIVEN_UP);
  return exit_code(result);
}

static int tell_gpu(unsigned int index, nvmlDevice_t device) {
  char bus[TEXT], name[TEXT], uuid[TEXT], mode[TEXT];
  unsigned int minor;
  nvmlMemory_t memory;
  (void)index;
  bus_of(device, bus);
  nvmlReturn_t result = nvmlDeviceGetName_(device, name, sizeof name);
  if (result == NVML_SUCCESS) result = nvmlDeviceGetUUID_(device, uuid, sizeof uuid);
  if (result == NVML_SUCCESS) result = nvmlDeviceGetMinorNumber_(device, &minor);
  if (result == NVML_SUCCESS) result = nvmlDeviceGetMemoryInfo_(device, &memory);
  if (result == NVML_SUCCESS) result = value_of("persistence_mode", device, mode);
  if (result != NVML_SUCCESS) {
    printf("Unable to determine the state of GPU %s: %s\n", bus, words_for(result));
    return exit_code(result);
  }
  printf("GPU %s\n", bus);
  printf("    %-42s: %s\n", "Product Name", name);
  printf("    %-42s: %s\n", "Persistence Mode", mode);
  printf("    %-42s: %s\n", "GPU UUID", uuid);
  printf("    %-42s: %u\n", "Minor Number", minor);
  /*
   * Only the installer of the GRID driver brings this file; its licence comes from AWS, and is
   * there after a while for the real one.
   */
  if (access(AT("/etc/nvidia/gridd.conf.template"), F_OK) == 0)
    printf("    %s\n        %-38s: %s\n        %-38s: %s\n", "vGPU Software Licensed Product", "Product Name",
           "NVIDIA RTX Virtual Workstation", "License Status", "Licensed (Expiry: N/A)");
  printf("    %s\n        %-38s: %llu MiB\n", "FB Memory Usage", "Total", memory.total >> 20);
  return 0;
}

static int tell_all(void) {
  char stamp[TEXT], version[TEXT];
  unsigned int count = 0;
  int cuda = 0;
  time_t now = time(NULL);
  strftime(stamp, sizeof stamp, "%a %b %e %H:%M:%S %Y", localtime(&now));
  nvmlSystemGetDriverVersion_(version, sizeof version);
  nvmlSystemGetCudaDriverVersion_(&cuda);
  nvmlDeviceGetCount_v2_(&count);
  puts("\n==============NVSMI LOG==============\n");
  printf("%-46s: %s\n%-46s: %s\n", "Timestamp", stamp, "Driver Version", version);
  printf("%-46s: %d.%d\n\n", "CUDA Version", cuda / 1000, cuda % 100 / 10);
  if (count > 0) printf("%-46s: %u\n", "Attached GPUs", count);
  return each_gpu(tell_gpu);
}

static int refuse(const char *what) {
  fprintf(stderr, "nvidia-smi (the lab's) was not taught %s\n", what);
  return BAD_ARGUMENT;
}

static bool take_fields(const char *list) {
  char asked[TEXT];
  if (snprintf(fields, sizeof fields, "%s", list) >= (int)sizeof fields || list[0] == '\0') return false;
  snprintf(asked, sizeof asked, "%s", fields);
  for (char *field = strtok(asked, ","); field != NULL; field = strtok(NULL, ","))
    if (!is_field(field)) return false;
  return true;
}

static int started(gpu_work work, const char *last) {
  int code = start();
  if (code == 0) code = work == NULL ? tell_all() : each_gpu(work);
  if (last != NULL && (code == 0 || code == NVML_ERROR_NOT_SUPPORTED)) puts(last);
  return code;
}

int main(int count, char *words[]) {
  const char *query = "--query-gpu=";
  if (count == 2 && strcmp(words[1], "-L") == 0) return started(list_gpu, NULL);
  if (count == 2 && strcmp(words[1], "-q") == 0) return started(NULL, NULL);
  if (count == 2 && strcmp(words[1], "--persistence-mode=1") == 0) return started(keep, "All done.");
  if (count == 2 && strcmp(words[1], "--auto-boost-default=0") == 0) return started(no_auto_boost, "All done.");
  if (count == 3 && strncmp(words[1], query, strlen(query)) == 0) {
    has_units = strcmp(words[2], "--format=csv,noheader") == 0;
    if (!has_units && strcmp(words[2], "--format=csv,noheader,nounits") != 0) return refuse(words[2]);
    return take_fields(words[1] + strlen(query)) ? started(query_gpu, NULL) : refuse(words[1]);
  }
  return refuse(count < 2 ? "to run without arguments" : words[1]);
}
