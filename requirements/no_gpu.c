/* Stand-in for the libraries of CUDA, cuDNN and TensorRT, with which ONNX Runtime starts where there is no GPU.
 *
 * It claims one device, allocates on the host and computes nothing. cuda_kernels.py adds every other function that the
 * wheel's libraries import, each of which returns 0, success. */

#include <stdlib.h>
#include <string.h>

/* cudaDeviceProp of CUDA 13, up to what ONNX Runtime reads. */
struct device {
  char name[288];
  size_t memory;
  char unused_1[12];
  int warp, unused_2[2], threads, unused_3[9], major;
};

static void *const some_handle = (void *)8;

int cudaGetDeviceCount(int *count) { return *count = 1, 0; }
int cudaGetDevice(int *number) { return *number = 0, 0; }
int cudaGetDeviceProperties(struct device *found) {
  *found = (struct device){.name = "none", .memory = 1ul << 34, .warp = 32, .threads = 1024, .major = 9};
  return 0;
}
int cudaMemGetInfo(size_t *unused, size_t *total) { return *unused = *total = 1ul << 34, 0; }
int cudaRuntimeGetVersion(int *version) { return *version = 13000, 0; }
int cudaDriverGetVersion(int *version) { return *version = 13000, 0; }
int cudaMalloc(void **memory, size_t size) { return *memory = aligned_alloc(256, (size + 511) / 256 * 256), 0; }
int cudaMallocHost(void **memory, size_t size) { return cudaMalloc(memory, size); }
int cudaHostAlloc(void **memory, size_t size) { return cudaMalloc(memory, size); }
int cudaFree(void *memory) { return free(memory), 0; }
int cudaFreeHost(void *memory) { return free(memory), 0; }
int cudaMemcpy(void *to, void *from, size_t size) { return memcpy(to, from, size), 0; }
int cudaMemcpyAsync(void *to, void *from, size_t size) { return memcpy(to, from, size), 0; }
int cudaStreamCreate(void **stream) { return *stream = some_handle, 0; }
int cudaStreamCreateWithFlags(void **stream) { return *stream = some_handle, 0; }
int cudaEventCreateWithFlags(void **event) { return *event = some_handle, 0; }
int cublasCreate_v2(void **handle) { return *handle = some_handle, 0; }
int cublasLtCreate(void **handle) { return *handle = some_handle, 0; }
int cudnnCreate(void **handle) { return *handle = some_handle, 0; }
const char *cudaGetErrorString(int error) { return "there is no GPU"; }
const char *cudaGetErrorName(int error) { return "none"; }
void *__cudaRegisterFatBinary(void *binary) {
  static void *handle;
  return &handle;
}
int getInferLibVersion(void) { return 101100; }

static long nothing(void) { return 0; }

/* A C++ object whose virtual functions all return 0. */
void *getPluginRegistry(void) {
  static void *functions[256], *object = functions;
  for (int i = 0; i < 256; i++) functions[i] = nothing;
  return &object;
}
