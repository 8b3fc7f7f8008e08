package asked

import (
	"reflect"
	"strings"
	"testing"
)

const hook = "--load-kmods configure --cuda-compat-mode=ldconfig --ldconfig=@/sbin/ldconfig --device=all " +
	"--compute --utility --pid=17 /var/root"

func TestParseTakesWhatTheHookPasses(t *testing.T) {
	parsed, err := Parse(strings.Fields(hook))
	want := Options{
		LoadModules: true, Ldconfig: "/sbin/ldconfig", Devices: []string{"all"}, Utility: true, Compute: true,
		Pid: 17, Rootfs: "/var/root",
	}
	if err != nil || !reflect.DeepEqual(parsed, want) {
		t.Errorf("%+v, %v", parsed, err)
	}
	two, _ := Parse(strings.Fields(strings.Replace(hook, "=all", "=GPU-a,1", 1)))
	if !reflect.DeepEqual(two.Devices, []string{"GPU-a", "1"}) {
		t.Errorf("%+v", two)
	}
}

func TestParseRefusesWhatItWasNotTaught(t *testing.T) {
	for _, change := range [][2]string{
		{"--load-kmods", "--root=/run/driver"},
		{"--load-kmods", "--debug=/dev/stderr"},
		{"configure", "info"},
		{"--compute", "--require=cuda>=12"},
		{"--compute", "--mig-config=all"},
		{"=ldconfig ", "=mount "},
		{"@/sbin", "/sbin"},
		{"--pid=17", "--pid=x"},
		{"--pid=17", ""},
		{"/var/root", "root"},
		{"/var/root", ""},
	} {
		words := strings.Fields(strings.Replace(hook, change[0], change[1], 1))
		if parsed, err := Parse(words); err == nil {
			t.Errorf("%v was taken: %+v", words, parsed)
		}
	}
}

func TestDeviceGroup(t *testing.T) {
	legacy := "35 24 0:30 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices"
	below := "35 24 0:30 /lab/i-1 /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices"
	unified := "36 24 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup rw"
	for _, one := range []struct {
		groups, mounts []string
		folder         string
		isUnified      bool
	}{
		{[]string{"4:devices:/docker/a", "0::/x"}, []string{unified, legacy}, "/sys/fs/cgroup/devices/docker/a", false},
		{[]string{"4:cpu,devices:/lab/i-1/docker/a"}, []string{below}, "/sys/fs/cgroup/devices/docker/a", false},
		{[]string{"0::/docker/a"}, []string{unified}, "/sys/fs/cgroup/unified/docker/a", true},
		{[]string{"4:devices:/docker/a"}, []string{unified}, "", false},
	} {
		folder, isUnified, isThere := DeviceGroup(one.groups, one.mounts)
		if folder != one.folder || isUnified != one.isUnified || isThere != (one.folder != "") {
			t.Errorf("%v: %q %v %v", one.groups, folder, isUnified, isThere)
		}
	}
}
