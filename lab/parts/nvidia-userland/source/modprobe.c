/*
 * nvidia-modprobe: loads the simulated kernel module and makes its nodes, with those of the real
 * one's options that are used (../README.md). Setuid, so it takes nothing from its environment and
 * its paths from nowhere.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "paths.h"

#define DEVICES AT("/sys/bus/pci/devices")
#define TEXT 256
/*
 * Ids of NVIDIA's devices grow with the generations; R580 is the last branch for those before
 * Turing, and the open module was never for them.
 */
#define FIRST_TURING 0x1e00
#define LAST_BRANCH_BEFORE_TURING 580

static bool refuse(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("nvidia-modprobe (the lab's): ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return false;
}

static bool read_line(const char *path, char *line) {
  FILE *file = fopen(path, "re");
  if (file == NULL) return false;
  bool read = fgets(line, TEXT, file) != NULL;
  fclose(file);
  if (read) line[strcspn(line, "\n")] = '\0';
  return read;
}

/* First line of what a program prints, which is named by its whole path; false unless it ends with 0. */
static bool ask(char *const command[], char *line) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  pid_t child = fork();
  if (child == 0) {
    int nowhere = open("/dev/null", O_RDWR);
    char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
    dup2(ends[1], STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execve(command[0], command, environment);
    _exit(127);
  }
  close(ends[1]);
  FILE *said = fdopen(ends[0], "r");
  line[0] = '\0';
  if (said != NULL) {
    if (fgets(line, TEXT, said) == NULL) line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    while (fgetc(said) != EOF) continue;
    fclose(said);
  }
  int status;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Only NVIDIA's display controllers; what the lab knows of one is in a file of its own. */
static int is_gpu(const struct dirent *entry) {
  char path[512], line[TEXT];
  snprintf(path, sizeof path, DEVICES "/%s/vendor", entry->d_name);
  if (!read_line(path, line) || strtoul(line, NULL, 16) != 0x10de) return 0;
  snprintf(path, sizeof path, DEVICES "/%s/class", entry->d_name);
  if (!read_line(path, line) || strtoul(line, NULL, 16) >> 16 != 0x03) return 0;
  snprintf(path, sizeof path, DEVICES "/%s/lab_gpu", entry->d_name);
  return access(path, R_OK) == 0;
}

static int is_kernel(const struct dirent *entry) {
  return strncmp(entry->d_name, "vmlinuz-", 8) == 0 && entry->d_name[8] >= '0' && entry->d_name[8] <= '9';
}

/*
 * A machine of the lab shares the kernel of the machine that the lab is on; the one that it stands
 * for is the newest in /boot, as a boot loader would take it.
 */
static bool newest_kernel(char *release) {
  struct dirent **kernels;
  int count = scandir(AT("/boot"), &kernels, is_kernel, versionsort);
  if (count > 0) snprintf(release, TEXT, "%s", kernels[count - 1]->d_name + 8);
  for (int at = 0; at < count; at += 1) free(kernels[at]);
  if (count >= 0) free(kernels);
  return count > 0;
}

static bool modinfo(const char *release, const char *module, const char *field, char *value) {
  char *command[] = {
      AT("/sbin/modinfo"), "-b", AT("/"), "-k", (char *)release, "-F", (char *)field, (char *)module, NULL};
  return ask(command, value) && value[0] != '\0';
}

/* The module that the machine would load. */
struct module {
  char version[TEXT];
  bool is_open;
};

static bool find_module(struct module *module) {
  char release[TEXT], said[TEXT];
  if (!newest_kernel(release)) return refuse("there is no kernel in /boot");
  if (!modinfo(release, "nvidia", "version", module->version)) return refuse("kernel %s has no module nvidia", release);
  if (!modinfo(release, "nvidia", "vermagic", said))
    return refuse("the module nvidia does not say which kernel it is for");
  said[strcspn(said, " ")] = '\0';
  if (strcmp(said, release) != 0) return refuse("the module nvidia is for kernel %s, and this is %s", said, release);
  module->is_open = modinfo(release, "nvidia", "license", said) && strcmp(said, "NVIDIA") != 0;
  return true;
}

/*
 * What /proc/devices says, with what the module would have registered: NVIDIA's own major number,
 * and the highest free one of those that the kernel gives out.
 */
static bool write_majors(void) {
  bool taken[512] = {false}, is_block = false;
  char line[TEXT];
  FILE *from = fopen(AT("/proc/devices"), "re");
  FILE *to = fopen(MAJORS, "we");
  if (from == NULL || to == NULL) return refuse("%s cannot be written", MAJORS);
  for (int pass = 0; pass < 2; pass += 1) {
    rewind(from);
    is_block = false;
    while (fgets(line, sizeof line, from) != NULL) {
      int number = atoi(line);
      bool was_block = is_block;
      is_block = is_block || strncmp(line, "Block", 5) == 0;
      if (pass == 0 && !is_block && number > 0 && number < 512) taken[number] = true;
      if (pass == 0) continue;
      if (line[0] == '\n' && !was_block) {
        int uvm = 511;
        while (taken[uvm]) uvm -= 1;
        fprintf(to, "%3d nvidia\n%3d nvidia-modeset\n", NVIDIA_MAJOR, NVIDIA_MAJOR);
        fprintf(to, "%3d nvidiactl\n%3d nvidia-uvm\n", NVIDIA_MAJOR, uvm);
      }
      fputs(line, to);
    }
  }
  fclose(from);
  return fclose(to) == 0;
}

static int major_of(const char *name) {
  char line[TEXT], found[TEXT];
  int number, result = -1;
  FILE *file = fopen(MAJORS, "re");
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "%d %255s", &number, found) == 2 && strcmp(found, name) == 0) result = number;
  if (file != NULL) fclose(file);
  return result;
}

/*
 * What udev does when the driver comes: it does not run in a machine of the lab, and the kernel's
 * event does not come. Rules that say more than these three things are none for here.
 */
static void run_rules(void) {
  glob_t files;
  char line[1024], command[512], ignored[TEXT];
  if (glob(AT("/etc/udev/rules.d/*.rules"), 0, NULL, &files) != 0) return;
  for (size_t index = 0; index < files.gl_pathc; index += 1) {
    FILE *file = fopen(files.gl_pathv[index], "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
      if (line[0] == '#' || strstr(line, "DEVPATH==\"/bus/pci/drivers/nvidia\"") == NULL) continue;
      if (sscanf(line, "ACTION==\"add\", DEVPATH==\"/bus/pci/drivers/nvidia\", RUN+=\"%511[^\"]\"", command) != 1) {
        refuse("%s has a rule for the driver that is not understood here", files.gl_pathv[index]);
        continue;
      }
      char *words[32];
      int count = 0;
      for (char *word = strtok(command, " "); word != NULL && count < 31; word = strtok(NULL, " "))
        words[count++] = word;
      words[count] = NULL;
      if (!ask(words, ignored)) refuse("%s: %s failed", files.gl_pathv[index], words[0]);
    }
    if (file != NULL) fclose(file);
  }
  globfree(&files);
}

/* Whether the module takes a GPU; why not is said as the kernel's log has it. */
static bool is_driven(const char *bus, const struct module *module) {
  char path[512], line[TEXT];
  snprintf(path, sizeof path, DEVICES "/%s/driver", bus);
  ssize_t length = readlink(path, line, sizeof line - 1);
  line[length < 0 ? 0 : length] = '\0';
  const char *driver = strrchr(line, '/');
  if (driver != NULL && strcmp(driver, "/nouveau") == 0)
    return refuse("NVRM: GPU %s is already bound to nouveau.", bus);
  snprintf(path, sizeof path, DEVICES "/%s/device", bus);
  unsigned long device = read_line(path, line) ? strtoul(line, NULL, 16) : 0;
  if (device >= FIRST_TURING) return true;
  if (module->is_open)
    return refuse("NVRM: GPU %s (10de:%04lx) is not supported by open nvidia.ko because it does not include the "
                  "required GPU System Processor (GSP).",
                  bus, device);
  return atoi(module->version) <= LAST_BRANCH_BEFORE_TURING ||
         refuse("NVRM: GPU %s (10de:%04lx) is not supported by the NVIDIA %s driver release.", bus, device,
                module->version);
}

/* Minor numbers go to those that are driven, in the order of the bus. */
static bool link_gpus(const struct module *module) {
  struct dirent **gpus;
  char from[TEXT], to[512];
  int count = scandir(DEVICES, &gpus, is_gpu, alphasort), driven = 0;
  for (int at = 0; at < count; at += 1) {
    if (driven >= MAX_GPUS || !is_driven(gpus[at]->d_name, module)) continue;
    snprintf(from, sizeof from, GPUS "/%d", driven);
    snprintf(to, sizeof to, DEVICES "/%s/lab_gpu", gpus[at]->d_name);
    unlink(from);
    if (symlink(to, from) != 0) return refuse("%s: %s", from, strerror(errno));
    driven += 1;
  }
  return driven > 0 || refuse("NVRM: None of the NVIDIA devices were initialized (%d found).", count < 0 ? 0 : count);
}

static bool make_state(const char *version) {
  FILE *file = fopen(MODULE ".new", "we");
  if (file == NULL) return refuse("%s: %s", MODULE, strerror(errno));
  fprintf(file, "version=%s\n", version);
  if (fclose(file) != 0 || rename(MODULE ".new", MODULE) != 0) return refuse("%s: %s", MODULE, strerror(errno));
  return true;
}

static bool load(void) {
  struct module module;
  if (access(MODULE, F_OK) == 0) return true;
  if (geteuid() != 0) return refuse("only root loads the module");
  if ((mkdir(AT("/run"), 0755) != 0 && errno != EEXIST) || (mkdir(STATE, 0755) != 0 && errno != EEXIST))
    return refuse("%s: %s", STATE, strerror(errno));
  int lock = open(STATE "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || flock(lock, LOCK_EX) != 0) return refuse("%s/lock: %s", STATE, strerror(errno));
  if (access(MODULE, F_OK) == 0) return true;
  mkdir(GPUS, 0755);
  mkdir(PERSISTENCE, 0755);
  if (!find_module(&module) || !link_gpus(&module) || !write_majors()) return false;
  if (mount(MAJORS, AT("/proc/devices"), NULL, MS_BIND, NULL) != 0) return refuse("/proc/devices: %s", strerror(errno));
  if (!make_state(module.version)) return false;
  close(lock);
  run_rules();
  return true;
}

/* With the link by which systemd finds a device that it only knows the number of, as the real program makes it. */
static bool make_node(const char *path, int major, int minor) {
  struct stat node;
  char link[TEXT], target[TEXT];
  mode_t mode = S_IFCHR | 0666;
  if (major < 0) return refuse("%s has no major number", path);
  if (stat(path, &node) == 0 && (!S_ISCHR(node.st_mode) || node.st_rdev != makedev(major, minor)) && remove(path) != 0)
    return refuse("%s: %s", path, strerror(errno));
  if (mknod(path, mode, makedev(major, minor)) != 0 && errno != EEXIST) return refuse("%s: %s", path, strerror(errno));
  if (chmod(path, 0666) != 0) return refuse("%s: %s", path, strerror(errno));
  mkdir(AT("/dev/char"), 0755);
  snprintf(link, sizeof link, AT("/dev/char") "/%d:%d", major, minor);
  snprintf(target, sizeof target, "../%s", path + strlen(AT("/dev/")));
  unlink(link);
  return symlink(target, link) == 0 || refuse("%s: %s", link, strerror(errno));
}

static bool make_gpu_node(int minor) {
  char path[TEXT];
  if (minor == CONTROL_MINOR) return make_node(CONTROL_NODE, NVIDIA_MAJOR, minor);
  if (minor < 0 || minor >= MAX_GPUS) return refuse("there is no GPU %d", minor);
  snprintf(path, sizeof path, GPU_NODE, minor);
  return make_node(path, NVIDIA_MAJOR, minor);
}

static bool make_uvm_nodes(int base) {
  int major = major_of("nvidia-uvm");
  return make_node(AT("/dev/nvidia-uvm"), major, base) && make_node(AT("/dev/nvidia-uvm-tools"), major, base + 1);
}

int main(int count, char *words[]) {
  bool uvm = false, modeset = false;
  int minors[16], asked = 0;
  for (int at = 1; at < count; at += 1) {
    if (strcmp(words[at], "-u") == 0) uvm = true;
    else if (strcmp(words[at], "-m") == 0) modeset = true;
    else if (strncmp(words[at], "-c=", 3) == 0 && asked < 16) {
      char *end;
      minors[asked++] = (int)strtol(words[at] + 3, &end, 10);
      if (words[at][3] == '\0' || *end != '\0') {
        refuse("%s has no number", words[at]);
        return 1;
      }
    } else {
      refuse("it takes -u, -m and -c=N, and not %s", words[at]);
      return 1;
    }
  }
  umask(0);
  if (!load()) return 1;
  for (int at = 0; at < asked; at += 1) {
    int base = minors[at];
    if (!(uvm ? make_uvm_nodes(base) : make_gpu_node(base))) return 1;
  }
  return !modeset || make_node(AT("/dev/nvidia-modeset"), NVIDIA_MAJOR, MODESET_MINOR) ? 0 : 1;
}
