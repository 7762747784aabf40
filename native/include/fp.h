/* What C includes to see the contract: the header itself obeys cffi and has no guard. */
#ifndef FP_H
#define FP_H

#include <stdint.h>

#include "fp_contract.h"

#endif
