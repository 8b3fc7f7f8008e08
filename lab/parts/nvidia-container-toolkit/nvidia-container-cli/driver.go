package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"ecs-host/nvidia-container-toolkit/nvidia-container-cli/asked"
)

type gpu struct {
	index int
	uuid  string
	minor int
}

// The driver as its own library tells it.
type driver struct {
	version string
	gpus    []gpu
}

// loadModules does what can be done, and says nothing: what is missing then is told by the library.
func loadModules() {
	for _, words := range [][]string{{"-u", "-c=0"}, {"-m"}} {
		_ = exec.Command("/usr/bin/nvidia-modprobe", words...).Run()
	}
}

func readDriver() (driver, error) {
	var found driver
	library := nvml.New()
	if result := library.Init(); result != nvml.SUCCESS {
		return found, fmt.Errorf("initialization error: nvml error: %s", strings.ToLower(nvml.ErrorString(result)))
	}
	defer func() { _ = library.Shutdown() }()
	version, result := library.SystemGetDriverVersion()
	if result != nvml.SUCCESS {
		return found, fmt.Errorf("detection error: nvml error: %v", result)
	}
	found.version = version
	count, result := library.DeviceGetCount()
	if result != nvml.SUCCESS {
		return found, fmt.Errorf("detection error: nvml error: %v", result)
	}
	for index := range count {
		one, err := readGpu(library, index)
		if err != nil {
			return found, err
		}
		found.gpus = append(found.gpus, one)
	}
	return found, nil
}

func readGpu(library nvml.Interface, index int) (gpu, error) {
	one := gpu{index: index}
	device, result := library.DeviceGetHandleByIndex(index)
	if result == nvml.SUCCESS {
		one.uuid, result = device.GetUUID()
	}
	if result == nvml.SUCCESS {
		one.minor, result = device.GetMinorNumber()
	}
	if result != nvml.SUCCESS {
		return one, fmt.Errorf("detection error: nvml error: %s", strings.ToLower(nvml.ErrorString(result)))
	}
	return one, nil
}

// choose finds the GPUs that were asked for by number, by id, or as `all`.
func (found driver) choose(names []string) ([]gpu, error) {
	var chosen []gpu
	for _, name := range names {
		if name == "all" {
			return found.gpus, nil
		}
		one, isThere := found.find(name)
		if !isThere {
			return nil, fmt.Errorf("device error: %s: unknown device", name)
		}
		chosen = append(chosen, one)
	}
	return chosen, nil
}

func (found driver) find(name string) (gpu, bool) {
	for _, one := range found.gpus {
		if name == one.uuid || name == strconv.Itoa(one.index) {
			return one, true
		}
	}
	return gpu{}, false
}

// nodes are the devices that a container gets: CUDA alone needs those of unified memory, a screen
// alone the one for modes.
func nodes(options asked.Options, chosen []gpu) []string {
	wanted := []string{"/dev/nvidiactl"}
	if options.Compute {
		wanted = append(wanted, "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools")
	}
	if options.Display {
		wanted = append(wanted, "/dev/nvidia-modeset")
	}
	for _, one := range chosen {
		wanted = append(wanted, fmt.Sprintf("/dev/nvidia%d", one.minor))
	}
	var there []string
	for _, path := range wanted {
		if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			there = append(there, path)
		}
	}
	return there
}
