/**
 * Nothing but Docker needs containerd, which starts containers for whoever may speak to it: it stays down as Docker
 * does.
 */
export const DOCKER_UNITS = ['docker.service', 'docker.socket', 'containerd.service'] as const;
