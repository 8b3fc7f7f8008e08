package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"

	"ecs-host/nvidia-container-toolkit/nvidia-container-cli/asked"
)

const machineLibraries = "/usr/lib/x86_64-linux-gnu"

// What is mounted where, from the machine into the container.
type file struct{ from, to string }

// enter puts this thread, and what it starts, into the mount namespace of a container that is being
// made: the machine's files are still there, the container's root file system is a folder.
func enter(pid int) error {
	runtime.LockOSThread()
	namespace, err := unix.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("mount error: process %d: %w", pid, err)
	}
	defer func() { _ = unix.Close(namespace) }()
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("mount error: %w", err)
	}
	if err := unix.Setns(namespace, unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("mount error: process %d: %w", pid, err)
	}
	return nil
}

// librariesOf is where the distribution of a root file system has its libraries.
func librariesOf(rootfs string) string {
	if _, err := os.Stat(filepath.Join(rootfs, "etc/debian_version")); err == nil {
		return machineLibraries
	}
	return "/usr/lib64"
}

// files are those of the driver that the asked capabilities need; the firmware, with what the lab has
// beside it, comes with all of them.
func files(options asked.Options, version, libraries string) []file {
	var wanted []file
	add := func(from, to string) {
		if info, err := os.Stat(from); err == nil && info.Mode().IsRegular() {
			wanted = append(wanted, file{from, to})
		}
	}
	library := func(name string) {
		name += ".so." + version
		add(filepath.Join(machineLibraries, name), filepath.Join(libraries, name))
	}
	if options.Utility {
		add("/usr/bin/nvidia-smi", "/usr/bin/nvidia-smi")
		library("libnvidia-ml")
	}
	if options.Compute {
		library("libcuda")
	}
	firmware, _ := filepath.Glob("/lib/firmware/nvidia/" + version + "/gsp*.bin")
	for _, path := range firmware {
		add(path, path)
	}
	return wanted
}

// target makes an empty file to mount over, and follows no link out of the container.
func target(rootfs, path string) (string, error) {
	inside, err := securejoin.SecureJoin(rootfs, path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(inside), 0o755); err != nil {
		return "", err
	}
	made, err := os.OpenFile(inside, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return "", err
	}
	return inside, made.Close()
}

func bind(rootfs, from, to string, flags uintptr) error {
	inside, err := target(rootfs, to)
	if err == nil {
		err = unix.Mount(from, inside, "", unix.MS_BIND, "")
	}
	if err == nil {
		err = unix.Mount("", inside, "", unix.MS_BIND|unix.MS_REMOUNT|flags, "")
	}
	if err != nil {
		return fmt.Errorf("mount error: %s: %w", to, err)
	}
	return nil
}

// link makes the name that programs load without a version.
func link(rootfs, path, to string) error {
	inside, err := securejoin.SecureJoin(rootfs, path)
	if err == nil {
		err = os.Symlink(to, inside)
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("mount error: %s: %w", path, err)
	}
	return nil
}

func mountAll(options asked.Options, found driver, devices []string) error {
	compat, _ := filepath.Glob(filepath.Join(options.Rootfs, "usr/local/cuda/compat/lib*.so.*"))
	if len(compat) > 0 {
		name := filepath.Base(compat[0])
		return fmt.Errorf("the image brings %s, and the lab's stand-in was not taught what CUDA does with it", name)
	}
	libraries := librariesOf(options.Rootfs)
	for _, one := range files(options, found.version, libraries) {
		if err := bind(options.Rootfs, one.from, one.to, unix.MS_RDONLY|unix.MS_NODEV|unix.MS_NOSUID); err != nil {
			return err
		}
		if strings.HasPrefix(filepath.Base(one.to), "libcuda.so.") {
			if err := link(options.Rootfs, filepath.Join(libraries, "libcuda.so"), "libcuda.so.1"); err != nil {
				return err
			}
		}
	}
	for _, path := range devices {
		if err := bind(options.Rootfs, path, path, unix.MS_NOSUID|unix.MS_NOEXEC); err != nil {
			return err
		}
	}
	words := []string{"-r", options.Rootfs, "-f", "/etc/ld.so.conf", "-C", "/etc/ld.so.cache", libraries}
	said, err := exec.Command(options.Ldconfig, words...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ldcache error: %s: %w: %s", options.Ldconfig, err, strings.TrimSpace(string(said)))
	}
	return nil
}
