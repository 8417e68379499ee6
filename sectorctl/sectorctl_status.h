/*
 * What /health says.
 */

#ifndef SECTORCTL_STATUS_H
#define SECTORCTL_STATUS_H


#include "sectorctl_client.h"


/* Judges an answer of /health anew: a 503 with a status is no error of the
 * request, but unhealthy, which is SECTORCTL_FAILED. */

sectorctl_code_e sectorctl_status_health(sectorctl_call_t *call);


#endif /* SECTORCTL_STATUS_H */
