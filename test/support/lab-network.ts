/**
 * Several files run at a time, and a developer may have a lab up: each lab finds a free network, as it does for users.
 * One that a file left up takes nothing from the next.
 */
delete process.env['ECS_HOST_LAB_NETWORK'];
