package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	cgrouplink "github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"ecs-host/nvidia-container-toolkit/nvidia-container-cli/asked"
)

type number struct{ major, minor uint32 }

// allow lets the control group of a process open devices.
func allow(pid int, devices []string) error {
	var numbers []number
	for _, path := range devices {
		var stat unix.Stat_t
		if err := unix.Stat(path, &stat); err != nil {
			return fmt.Errorf("cgroup error: %s: %w", path, err)
		}
		numbers = append(numbers, number{unix.Major(stat.Rdev), unix.Minor(stat.Rdev)})
	}
	folder, isUnified, err := deviceGroup(pid)
	if err == nil && isUnified {
		err = allowUnified(folder, numbers)
	} else if err == nil {
		err = allowLegacy(folder, numbers)
	}
	if err != nil {
		return fmt.Errorf("cgroup error: %w", err)
	}
	return nil
}

func deviceGroup(pid int) (string, bool, error) {
	groups, err := lines(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return "", false, err
	}
	mounts, err := lines("/proc/self/mountinfo")
	if err != nil {
		return "", false, err
	}
	folder, isUnified, isThere := asked.DeviceGroup(groups, mounts)
	if !isThere {
		return "", false, fmt.Errorf("process %d has no control group for devices", pid)
	}
	return folder, isUnified, nil
}

func lines(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var all []string
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		all = append(all, scanner.Text())
	}
	return all, nil
}

func allowLegacy(folder string, numbers []number) error {
	for _, one := range numbers {
		rule := fmt.Sprintf("c %d:%d rw", one.major, one.minor)
		if err := os.WriteFile(filepath.Join(folder, "devices.allow"), []byte(rule), 0o200); err != nil {
			return err
		}
	}
	return nil
}

// allowUnified replaces each program that judges devices of the group by one that says yes to ours and
// asks the old one about the rest: programs of a group all have to say yes, so that one more could
// only forbid.
func allowUnified(folder string, numbers []number) error {
	group, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer func() { _ = group.Close() }()
	query := cgrouplink.QueryOptions{Target: int(group.Fd()), Attach: ebpf.AttachCGroupDevice}
	attached, err := cgrouplink.QueryPrograms(query)
	if err != nil {
		return fmt.Errorf("%s: which programs judge devices: %w", folder, err)
	}
	for _, one := range attached.Programs {
		if err := replace(int(group.Fd()), one.ID, numbers); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
	}
	return nil
}

func replace(group int, id ebpf.ProgramID, numbers []number) error {
	old, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return err
	}
	defer func() { _ = old.Close() }()
	info, err := old.Info()
	if err != nil {
		return err
	}
	rest, err := info.Instructions()
	if err != nil {
		return err
	}
	both := append(yesTo(numbers), rest...)
	wider, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.CGroupDevice, License: "GPL", Instructions: both})
	if err != nil {
		return err
	}
	defer func() { _ = wider.Close() }()
	attach := cgrouplink.RawAttachProgramOptions{
		Target: group, Program: wider, Attach: ebpf.AttachCGroupDevice, Flags: unix.BPF_F_ALLOW_MULTI,
	}
	detach := cgrouplink.RawDetachProgramOptions{Target: group, Program: old, Attach: ebpf.AttachCGroupDevice}
	return errors.Join(cgrouplink.RawDetachProgram(detach), cgrouplink.RawAttachProgram(attach))
}

// yesTo reads the kernel's question (struct bpf_cgroup_dev_ctx: access and type, major, minor) out of
// R1, and leaves R1 as it was.
func yesTo(numbers []number) asm.Instructions {
	var program asm.Instructions
	for at, one := range numbers {
		next := fmt.Sprintf("not-%d", at)
		check := asm.Instructions{
			asm.LoadMem(asm.R2, asm.R1, 0, asm.Word),
			asm.And.Imm32(asm.R2, 0xffff),
			asm.JNE.Imm(asm.R2, unix.BPF_DEVCG_DEV_CHAR, next),
			asm.LoadMem(asm.R2, asm.R1, 4, asm.Word),
			asm.JNE.Imm(asm.R2, int32(one.major), next),
			asm.LoadMem(asm.R2, asm.R1, 8, asm.Word),
			asm.JNE.Imm(asm.R2, int32(one.minor), next),
			asm.Mov.Imm(asm.R0, 1),
			asm.Return(),
			asm.Mov.Imm(asm.R2, 0).WithSymbol(next),
		}
		program = append(program, check...)
	}
	return program
}
