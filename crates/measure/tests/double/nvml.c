/* A double of NVIDIA's libnvidia-ml.so.1: two GPUs that exist nowhere. The second throttles for power and has two processes on it. */
#include <string.h>

typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory_v2;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } process_info;

static int gpus[2] = {0, 1};
static unsigned long long energy[2] = {1000000, 5000000};

int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int status) { (void)status; return "an error of the double"; }
int nvmlSystemGetDriverVersion(char *text, unsigned length) { strncpy(text, "0.0-double", length); return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    if (index > 1) return 2; /* invalid argument */
    *device = &gpus[index];
    return 0;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    if (strcmp(uuid, "GPU-double-1") != 0) return 6; /* not found */
    *device = &gpus[1];
    return 0;
}
int nvmlDeviceGetName(void *device, char *name, unsigned length) {
    strncpy(name, *(int *)device ? "Double B" : "Double A", length);
    return 0;
}
int nvmlDeviceGetMemoryInfo_v2(void *device, memory_v2 *memory) {
    (void)device;
    memory->total = 1ull << 34;
    memory->used = 1ull << 30;
    memory->free = memory->total - memory->used;
    return 0;
}
/* A joule more each time it is asked for; the second GPU has no counter. */
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules) {
    if (*(int *)device) return 3; /* not supported */
    *millijoules = energy[0] += 1000;
    return 0;
}
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) { (void)device; *milliwatts = 350000; return 0; }
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *degrees) { (void)device; (void)sensor; *degrees = 61; return 0; }
int nvmlDeviceGetClockInfo(void *device, int type, unsigned *mhz) { (void)device; *mhz = type == 2 ? 2619 : 1980; return 0; }
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons) {
    *reasons = *(int *)device ? 4 : 0; /* software power cap */
    return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, process_info *list) {
    unsigned there = *(int *)device ? 2 : 1;
    if (list == 0 || *count < there) { *count = there; return 7; } /* insufficient size */
    for (unsigned i = 0; i < there; i++) { list[i].pid = 100 + i; list[i].used = 1 << 20; list[i].gpu_instance = list[i].compute_instance = 0; }
    *count = there;
    return 0;
}
