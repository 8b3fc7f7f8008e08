// The lab's stand-in for libnvidia-container's program, which NVIDIA's runtime hook runs while a container is being made (../README.md).
package main

import (
	"fmt"
	"os"
)

func configure(asked options) error {
	if asked.loadModules {
		loadModules()
	}
	found, err := readDriver()
	if err != nil {
		return err
	}
	chosen, err := found.choose(asked.devices)
	if err != nil {
		return err
	}
	devices := nodes(asked, chosen)
	if !asked.noCgroups {
		if err := allow(asked.pid, devices); err != nil {
			return err
		}
	}
	if err := enter(asked.pid); err != nil {
		return err
	}
	return mountAll(asked, found, devices)
}

func main() {
	asked, err := parse(os.Args[1:])
	if err == nil {
		err = configure(asked)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "nvidia-container-cli: %v\n", err)
		os.Exit(1)
	}
}
