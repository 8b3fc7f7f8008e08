import { describe, expect, test } from 'vitest';
import {
  dockerPackages,
  dockerSourceLine,
  isDaemonConfigComplete,
  mergeDaemonConfig,
  parseDaemonConfig,
  renderDaemonConfig,
} from '../../provisioners/lib/docker-config.ts';
import { target } from '../fixtures/target-config.ts';

describe('daemon.json', () => {
  test('is made when there is none', () => {
    expect(mergeDaemonConfig(parseDaemonConfig(null), target.docker)).toEqual({
      'log-driver': 'json-file',
      'log-opts': { 'max-size': '50m', 'max-file': '3' },
      builder: { gc: { enabled: true, policy: [{ keepStorage: '4GB', all: true }] } },
      'live-restore': false,
      'insecure-registries': ['lab.internal:5000'],
    });
  });

  test('keeps what others put there: the NVIDIA runtime, a registry', () => {
    const current = {
      runtimes: { nvidia: { path: 'nvidia-container-runtime' } },
      'insecure-registries': ['other:5000'],
    };
    expect(mergeDaemonConfig(current, target.docker)).toMatchObject({
      runtimes: { nvidia: { path: 'nvidia-container-runtime' } },
      'insecure-registries': ['other:5000', 'lab.internal:5000'],
    });
  });

  test("drops a seccomp profile: Docker's default applies", () => {
    expect(mergeDaemonConfig({ 'seccomp-profile': 'unconfined' }, target.docker)).not.toHaveProperty('seccomp-profile');
    expect(
      isDaemonConfigComplete(
        { ...mergeDaemonConfig({}, target.docker), 'seccomp-profile': 'unconfined' },
        target.docker,
      ),
    ).toBe(false);
  });

  test('is complete in another order, as the NVIDIA toolkit leaves it', () => {
    const once = mergeDaemonConfig({}, target.docker);
    const sorted = { ...once, 'log-opts': { 'max-file': '3', 'max-size': '50m' }, runtimes: { nvidia: {} } };
    expect(isDaemonConfigComplete(sorted, target.docker)).toBe(true);
  });

  test('names no registry on AWS', () => {
    expect(mergeDaemonConfig({}, { ...target.docker, insecureRegistries: [] })).not.toHaveProperty(
      'insecure-registries',
    );
  });

  test('merged twice is merged once', () => {
    const once = mergeDaemonConfig({ debug: true }, target.docker);
    expect(mergeDaemonConfig(once, target.docker)).toEqual(once);
    expect(isDaemonConfigComplete(parseDaemonConfig(renderDaemonConfig(once)), target.docker)).toBe(true);
    expect(isDaemonConfigComplete({}, target.docker)).toBe(false);
  });

  test.each(['{', '[]', '"x"', 'null'])('is not overwritten when it is %s', (text) => {
    expect(() => parseDaemonConfig(text)).toThrow('/etc/docker/daemon.json');
  });
});

describe('packages', () => {
  test('never leave two Dockers', () => {
    const [ce, distribution] = [dockerPackages('docker-ce'), dockerPackages('distribution')];
    expect(ce.remove).toEqual(expect.arrayContaining(['docker.io', 'containerd', 'docker-engine']));
    expect(distribution.remove).toEqual(expect.arrayContaining(['docker-ce', 'containerd.io']));
    for (const { install, remove } of [ce, distribution])
      expect(install.filter((name) => remove.includes(name))).toEqual([]);
  });

  test("come from the distribution's folder of Docker's repository, signed by the pinned key's file", () => {
    expect(dockerSourceLine({ distribution: 'ubuntu', codename: 'focal' }, '/etc/apt/keyrings/docker.asc')).toBe(
      'deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/ubuntu focal stable\n',
    );
  });
});
