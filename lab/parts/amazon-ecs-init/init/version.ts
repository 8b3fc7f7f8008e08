/** Of ecs-init and its agent, whose behaviour the lab's follows. */
export const ECS_INIT_VERSION = '1.105.1';
