/*
 * libcuda.so: there, so that what looks for it finds it; it has the version of the driver, and can
 * compute nothing, which it says.
 */
enum { CUDA_SUCCESS = 0, CUDA_ERROR_INVALID_VALUE = 1, CUDA_ERROR_NOT_SUPPORTED = 801 };

int cuInit(unsigned int flags) {
  (void)flags;
  return CUDA_ERROR_NOT_SUPPORTED;
}

int cuDriverGetVersion(int *version) {
  if (version == 0) return CUDA_ERROR_INVALID_VALUE;
  *version = CUDA_VERSION;
  return CUDA_SUCCESS;
}
