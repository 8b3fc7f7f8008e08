// The lab's stand-in for libnvidia-container's program, which NVIDIA's runtime hook runs while a
// container is being made (../README.md).
package main

import (
	"fmt"
	"os"

	"ecs-host/nvidia-container-toolkit/nvidia-container-cli/asked"
)

func configure(options asked.Options) error {
	if options.LoadModules {
		loadModules()
	}
	found, err := readDriver()
	if err != nil {
		return err
	}
	chosen, err := found.choose(options.Devices)
	if err != nil {
		return err
	}
	devices := nodes(options, chosen)
	if !options.NoCgroups {
		if err := allow(options.Pid, devices); err != nil {
			return err
		}
	}
	if err := enter(options.Pid); err != nil {
		return err
	}
	return mountAll(options, found, devices)
}

func main() {
	options, err := asked.Parse(os.Args[1:])
	if err == nil {
		err = configure(options)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "nvidia-container-cli: %v\n", err)
		os.Exit(1)
	}
}
