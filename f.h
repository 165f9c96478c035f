#ifndef F_H
#define F_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Every function returns 0, or: 1 an index is out of range; 2 the arguments lead to another branch than the example;
   3 there is no memory. After anything but 0 the results are not valid. Arrays lie in C order; results overlap neither
   arguments nor each other. */

/* x: f64[6], w: f64[], y: f64[] */
int f(const double *x, double w, double *y);

/* x: f64[6], w: f64[], y: f64[], x_bar: f64[6] */
int f_value_and_grad(const double *x, double w, double *y, double *x_bar);

#ifdef __cplusplus
}
#endif
#endif
