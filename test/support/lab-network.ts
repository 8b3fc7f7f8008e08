/**
 * Several files run at a time, and a developer may have a lab up: the labs of each worker have a network of their own.
 */
process.env['ECS_HOST_LAB_NETWORK'] = `10.${81 + Number(process.env['VITEST_POOL_ID'])}`;
