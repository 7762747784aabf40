/* What C includes to see the contract: its headers themselves obey cffi and have no guards. */
#ifndef FP_H
#define FP_H

#include <stdint.h>

#include "fp_contract.h"

#include "fp_calls.h"

#endif
