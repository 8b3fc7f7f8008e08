package asked

import (
	"path/filepath"
	"slices"
	"strings"
)

// DeviceGroup is the folder of a process's control group that says which devices it may open, and
// whether it is of the unified tree: of the devices controller where there is one, else of that tree.
// It is given the lines of the process's cgroup and of our own mountinfo.
func DeviceGroup(groups, mounts []string) (folder string, isUnified, isThere bool) {
	for _, isUnified := range []bool{false, true} {
		path, isListed := groupPath(groups, isUnified)
		if !isListed {
			continue
		}
		if folder, isMounted := mountedAt(mounts, path, isUnified); isMounted {
			return folder, isUnified, true
		}
	}
	return "", false, false
}

func groupPath(groups []string, isUnified bool) (string, bool) {
	for _, line := range groups {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		if isUnified && parts[1] == "" || !isUnified && slices.Contains(strings.Split(parts[1], ","), "devices") {
			return parts[2], true
		}
	}
	return "", false
}

// mountedAt looks for the tree among the mounts; a mount may show only what is below the folder that
// is its root.
func mountedAt(mounts []string, path string, isUnified bool) (string, bool) {
	for _, line := range mounts {
		before, after, _ := strings.Cut(line, " - ")
		fields, kinds := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(kinds) < 3 {
			continue
		}
		isWanted := kinds[0] == "cgroup2"
		if !isUnified {
			isWanted = kinds[0] == "cgroup" && slices.Contains(strings.Split(kinds[2], ","), "devices")
		}
		below, isBelow := strings.CutPrefix(path, strings.TrimSuffix(fields[3], "/"))
		if isWanted && isBelow {
			return filepath.Join(fields[4], below), true
		}
	}
	return "", false
}
