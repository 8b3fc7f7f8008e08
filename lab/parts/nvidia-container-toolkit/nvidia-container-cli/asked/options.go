// Package asked reads what nvidia-container-cli is asked for, and for whom.
package asked

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// Options are what NVIDIA's runtime hook asks for. The hook passes more when its configuration says
// so; that is refused, and not passed over.
type Options struct {
	LoadModules bool
	Ldconfig    string
	NoCgroups   bool
	Devices     []string
	Utility     bool
	Compute     bool
	Display     bool
	Pid         int
	Rootfs      string
}

// Parse refuses what it was not taught.
func Parse(words []string) (Options, error) {
	var asked Options
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		if words[0] != "--load-kmods" {
			return asked, untaught(words[0])
		}
		asked.LoadModules = true
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
	if asked.Pid == 0 || asked.Ldconfig == "" {
		return asked, fmt.Errorf("configure wants --pid and --ldconfig")
	}
	asked.Rootfs = words[0]
	return asked, nil
}

func (asked *Options) take(word string) error {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "--ldconfig":
		// With the @ it is the machine's own, and not the container's, as NVIDIA's packages configure it.
		path, isOfMachine := strings.CutPrefix(value, "@")
		if !isOfMachine || !filepath.IsAbs(path) {
			return untaught(word)
		}
		asked.Ldconfig = path
	case "--device":
		asked.Devices = append(asked.Devices, strings.Split(value, ",")...)
	case "--pid":
		pid, err := strconv.Atoi(value)
		if err != nil || pid <= 0 {
			return fmt.Errorf("%s is no process", value)
		}
		asked.Pid = pid
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

func (asked *Options) takeFlag(word string) error {
	switch word {
	case "--no-cgroups":
		asked.NoCgroups = true
	case "--utility":
		asked.Utility = true
	case "--compute":
		asked.Compute = true
	case "--display":
		asked.Display = true
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
