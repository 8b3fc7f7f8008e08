package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// What NVIDIA's runtime hook asks for. The hook passes more when its configuration says so; that is refused, and not passed over.
type options struct {
	loadModules bool
	ldconfig    string
	noCgroups   bool
	devices     []string
	utility     bool
	compute     bool
	display     bool
	pid         int
	rootfs      string
}

func parse(words []string) (options, error) {
	var asked options
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		if words[0] != "--load-kmods" {
			return asked, untaught(words[0])
		}
		asked.loadModules = true
		words = words[1:]
	}
	if len(words) == 0 || words[0] != "configure" {
		return asked, fmt.Errorf("the lab's stand-in knows the command configure, and no other")
	}
	words = words[1:]
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		if err := asked.take(words[0]); err != nil {
			return asked, err
		}
		words = words[1:]
	}
	if len(words) != 1 || !filepath.IsAbs(words[0]) {
		return asked, fmt.Errorf("configure takes the path of one root file system")
	}
	if asked.pid == 0 || asked.ldconfig == "" {
		return asked, fmt.Errorf("configure wants --pid and --ldconfig")
	}
	asked.rootfs = words[0]
	return asked, nil
}

func (asked *options) take(word string) error {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "--ldconfig":
		// With the @ it is the machine's own, and not the container's, as NVIDIA's packages configure it.
		path, isOfMachine := strings.CutPrefix(value, "@")
		if !isOfMachine || !filepath.IsAbs(path) {
			return untaught(word)
		}
		asked.ldconfig = path
	case "--device":
		asked.devices = append(asked.devices, strings.Split(value, ",")...)
	case "--pid":
		pid, err := strconv.Atoi(value)
		if err != nil || pid <= 0 {
			return fmt.Errorf("%s is no process", value)
		}
		asked.pid = pid
	case "--cuda-compat-mode":
		// Nothing to do unless the image brings libraries of CUDA's own, which is looked at later.
		if value != "ldconfig" && value != "disabled" {
			return untaught(word)
		}
	default:
		return asked.takeFlag(word)
	}
	return nil
}

func (asked *options) takeFlag(word string) error {
	switch word {
	case "--no-cgroups":
		asked.noCgroups = true
	case "--utility":
		asked.utility = true
	case "--compute":
		asked.compute = true
	case "--display":
		asked.display = true
	case "--video", "--graphics", "--ngx", "--compat32":
		// The lab's driver has no library for these.
	default:
		return untaught(word)
	}
	return nil
}

func untaught(word string) error {
	return fmt.Errorf("the lab's stand-in was not taught %s", word)
}
