#include "f.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>


static double gt_logaddexp(double a, double b) {
  if (a == b) return a + log(2.0);
  return a > b ? a + log1p(exp(b - a)) : a < b ? b + log1p(exp(a - b)) : a + b;
}
static float gt_logaddexpf(float a, float b) { return (float)gt_logaddexp(a, b); }
static double gt_heaviside(double x, double at_zero) { return x != x ? x : x < 0 ? 0 : x > 0 ? 1 : at_zero; }
static float gt_heavisidef(float x, float at_zero) { return x != x ? x : x < 0 ? 0 : x > 0 ? 1 : at_zero; }
static double gt_sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static float gt_sigmoidf(float x) { return (float)gt_sigmoid(x); }
static double gt_softplus(double x) { return x != x ? x : (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }
static float gt_softplusf(float x) { return (float)gt_softplus(x); }
static double gt_remainder(double a, double b) {
  double rest = fmod(a, b);
  if (rest == 0) return copysign(0.0, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}
static float gt_remainderf(float a, float b) { return (float)gt_remainder(a, b); }
static double gt_floor_divide(double a, double b) {
  double rest = fmod(a, b), whole = (a - rest) / b, below;
  if (b == 0) return a / b;
  if (rest != 0 && (rest < 0) != (b < 0)) whole -= 1;
  if (whole == 0) return copysign(0.0, a / b);
  below = floor(whole);
  return whole - below > 0.5 ? below + 1 : below;
}
static float gt_floor_dividef(float a, float b) { return (float)gt_floor_divide(a, b); }
static int64_t gt_fmod_i(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }
static int64_t gt_remainder_i(int64_t a, int64_t b) {
  int64_t rest = gt_fmod_i(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
static int64_t gt_floor_divide_i(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return b == 0 ? 0 : (int64_t)(0 - (uint64_t)a);
  return a / b - (gt_remainder_i(a, b) != a % b);
}
static void gt_product_double(int64_t many, int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row, int64_t a_column,
                           int64_t a_step, const double *b, int64_t b_row, int64_t b_column, int64_t b_step, double *c) {
  for (int64_t s = 0; s < many; s++, a += a_step, b += b_step, c += m * n)
    for (int64_t i = 0; i < m; i++) {
      for (int64_t j = 0; j < n; j++) c[i * n + j] = 0;
      for (int64_t l = 0; l < k; l++) {
        const double x = a[i * a_row + l * a_column];
        for (int64_t j = 0; j < n; j++) c[i * n + j] += x * b[l * b_row + j * b_column];
      }
    }
}
static void gt_product_float(int64_t many, int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, int64_t a_column,
                           int64_t a_step, const float *b, int64_t b_row, int64_t b_column, int64_t b_step, float *c) {
  for (int64_t s = 0; s < many; s++, a += a_step, b += b_step, c += m * n)
    for (int64_t i = 0; i < m; i++) {
      for (int64_t j = 0; j < n; j++) c[i * n + j] = 0;
      for (int64_t l = 0; l < k; l++) {
        const float x = a[i * a_row + l * a_column];
        for (int64_t j = 0; j < n; j++) c[i * n + j] += x * b[l * b_row + j * b_column];
      }
    }
}
static void gt_patches_double(int64_t images, int64_t each, const int64_t *rows, int64_t m, const int64_t *terms,
                           int64_t k, int64_t n, const double *a, int64_t a_step, const double *b, int64_t b_row,
                           int64_t b_step, double *c) {
  for (int64_t i = 0; i < images; i++)
    for (int64_t r = 0; r < m; r++) {
      double *to = c + (i / each * m + r) * n;
      if (i % each == 0)
        for (int64_t j = 0; j < n; j++) to[j] = 0;
      for (int64_t l = 0; l < k; l++) {
        const double x = a[i * a_step + rows[r] + terms[l]];
        for (int64_t j = 0; j < n; j++) to[j] += x * b[i * b_step + l * b_row + j];
      }
    }
}
static void gt_patches_float(int64_t images, int64_t each, const int64_t *rows, int64_t m, const int64_t *terms,
                           int64_t k, int64_t n, const float *a, int64_t a_step, const float *b, int64_t b_row,
                           int64_t b_step, float *c) {
  for (int64_t i = 0; i < images; i++)
    for (int64_t r = 0; r < m; r++) {
      float *to = c + (i / each * m + r) * n;
      if (i % each == 0)
        for (int64_t j = 0; j < n; j++) to[j] = 0;
      for (int64_t l = 0; l < k; l++) {
        const float x = a[i * a_step + rows[r] + terms[l]];
        for (int64_t j = 0; j < n; j++) to[j] += x * b[i * b_step + l * b_row + j];
      }
    }
}

int f(const double *x, double w, double *y) {
  char *const input0 = (char *)x;
  char *const input1 = (char *)&w;
  char *const output0 = (char *)y;
  char *const work = malloc(104);
  if (work == NULL) return 3;
  int status = 0;
  {
    for (int64_t i0 = 0; i0 < 6; i0++) {
      const double v0 = 0x0.0p+0;
      *(double *)(work + i0 * 8) = v0;
    }
  }
  {
    const double v0 = *(double *)(input1);
    const double v1 = *(double *)(input0);
    const double v2 = v1 * v0;
    const double v3 = tanh(v2);
    const double v4 = *(double *)(input0 + 8);
    const double v5 = v4 * v0;
    const double v6 = tanh(v5);
    const double v7 = *(double *)(input0 + 16);
    const double v8 = v7 * v0;
    const double v9 = tanh(v8);
    const double v10 = *(double *)(input0 + 24);
    const double v11 = v10 * v0;
    const double v12 = tanh(v11);
    const double v13 = *(double *)(input0 + 32);
    const double v14 = v13 * v0;
    const double v15 = tanh(v14);
    const double v16 = *(double *)(input0 + 40);
    const double v17 = v16 * v0;
    const double v18 = tanh(v17);
    *(double *)(work + 64) = v6;
    *(double *)(work + 72) = v9;
    *(double *)(work + 80) = v12;
    *(double *)(work + 88) = v15;
    *(double *)(work + 96) = v18;
    *(double *)(work) = v3;
  }
  {
    const double v0 = *(double *)(work + 64);
    *(double *)(work + 8) = v0;
  }
  {
    const double v0 = *(double *)(work + 72);
    *(double *)(work + 16) = v0;
  }
  {
    const double v0 = *(double *)(work + 80);
    *(double *)(work + 24) = v0;
  }
  {
    const double v0 = *(double *)(work + 88);
    *(double *)(work + 32) = v0;
  }
  {
    const double v0 = *(double *)(work + 96);
    *(double *)(work + 40) = v0;
  }
  {
    double total0 = 0x0.0p+0;
    for (int64_t i0 = 0; i0 < 6; i0++) {
      const double v0 = *(double *)(work + i0 * 8);
      total0 = total0 + v0;
    }
    *(double *)(work + 96) = (double)total0;
  }
  {
    double total0 = 0x0.0p+0;
    for (int64_t i0 = 0; i0 < 3; i0++) {
      const double v0 = *(double *)(work + i0 * 16);
      const double v1 = v0 * v0;
      total0 = total0 + v1;
    }
    *(double *)(work + 88) = (double)total0;
  }
  {
    const double v0 = *(double *)(work + 96);
    const double v1 = *(double *)(work + 88);
    const double v2 = v0 + v1;
    *(double *)(output0) = v2;
  }
  (void)input0;
  (void)input1;
  (void)output0;
  goto end;
  end:
  free(work);
  return status;
}

int f_value_and_grad(const double *x, double w, double *y, double *x_bar) {
  char *const input0 = (char *)x;
  char *const input1 = (char *)&w;
  char *const output0 = (char *)y;
  char *const output1 = (char *)x_bar;
  char *const work = malloc(288);
  if (work == NULL) return 3;
  int status = 0;
  {
    for (int64_t i0 = 0; i0 < 6; i0++) {
      const double v0 = 0x0.0p+0;
      *(double *)(work + i0 * 8) = v0;
    }
  }
  {
    const double v0 = *(double *)(input1);
    const double v1 = *(double *)(input0);
    const double v2 = v1 * v0;
    const double v3 = tanh(v2);
    const double v4 = *(double *)(input0 + 8);
    const double v5 = v4 * v0;
    const double v6 = tanh(v5);
    const double v7 = *(double *)(input0 + 16);
    const double v8 = v7 * v0;
    const double v9 = tanh(v8);
    const double v10 = *(double *)(input0 + 24);
    const double v11 = v10 * v0;
    const double v12 = tanh(v11);
    const double v13 = *(double *)(input0 + 32);
    const double v14 = v13 * v0;
    const double v15 = tanh(v14);
    const double v16 = *(double *)(input0 + 40);
    const double v17 = v16 * v0;
    const double v18 = tanh(v17);
    const double v19 = v18 * v18;
    const double v20 = 0x1.0000000000000p+0;
    const double v21 = v20 - v19;
    const double v22 = v15 * v15;
    const double v23 = v20 - v22;
    const double v24 = v12 * v12;
    const double v25 = v20 - v24;
    const double v26 = v9 * v9;
    const double v27 = v20 - v26;
    const double v28 = v6 * v6;
    const double v29 = v20 - v28;
    const double v30 = v3 * v3;
    const double v31 = v20 - v30;
    *(double *)(work + 192) = v0;
    *(double *)(work + 200) = v6;
    *(double *)(work + 208) = v9;
    *(double *)(work + 216) = v12;
    *(double *)(work + 224) = v15;
    *(double *)(work + 232) = v18;
    *(double *)(work + 240) = v21;
    *(double *)(work + 248) = v23;
    *(double *)(work + 256) = v25;
    *(double *)(work + 264) = v27;
    *(double *)(work + 272) = v29;
    *(double *)(work + 280) = v31;
    *(double *)(work) = v3;
  }
  {
    const double v0 = *(double *)(work + 200);
    *(double *)(work + 8) = v0;
  }
  {
    const double v0 = *(double *)(work + 208);
    *(double *)(work + 16) = v0;
  }
  {
    const double v0 = *(double *)(work + 216);
    *(double *)(work + 24) = v0;
  }
  {
    const double v0 = *(double *)(work + 224);
    *(double *)(work + 32) = v0;
  }
  {
    const double v0 = *(double *)(work + 232);
    *(double *)(work + 40) = v0;
  }
  {
    double total0 = 0x0.0p+0;
    for (int64_t i0 = 0; i0 < 6; i0++) {
      const double v0 = *(double *)(work + i0 * 8);
      total0 = total0 + v0;
    }
    *(double *)(work + 232) = (double)total0;
  }
  {
    for (int64_t i0 = 0; i0 < 6; i0++) {
      const double v0 = 0x0.0p+0;
      *(double *)(work + 64 + i0 * 8) = v0;
    }
  }
  {
    double total0 = 0x0.0p+0;
    for (int64_t i0 = 0; i0 < 3; i0++) {
      const double v0 = *(double *)(work + i0 * 16);
      const double v1 = v0 * v0;
      const double v2 = 0x1.0000000000000p+1;
      const double v3 = v2 * v0;
      const double v4 = 0x0.0p+0;
      const double v5 = v4 + v3;
      *(double *)(work + 64 + i0 * 16) = v5;
      total0 = total0 + v1;
    }
    *(double *)(work + 224) = (double)total0;
  }
  {
    const double v0 = *(double *)(work + 232);
    const double v1 = *(double *)(work + 224);
    const double v2 = v0 + v1;
    *(double *)(output0) = v2;
  }
  {
    for (int64_t i0 = 0; i0 < 6; i0++) {
      const double v0 = *(double *)(work + i0 * 8);
      const double v1 = exp(v0);
      const double v2 = 0x1.0000000000000p+0;
      const double v3 = v2 / v1;
      const double v4 = v3 * v1;
      const double v5 = *(double *)(work + 64 + i0 * 8);
      const double v6 = v5 + v4;
      *(double *)(work + 128 + i0 * 8) = v6;
    }
  }
  {
    for (int64_t i0 = 0; i0 < 6; i0++) {
      const double v0 = 0x0.0p+0;
      *(double *)(output1 + i0 * 8) = v0;
    }
  }
  {
    const double v0 = *(double *)(work + 168);
    const double v1 = *(double *)(work + 240);
    const double v2 = v0 * v1;
    const double v3 = *(double *)(work + 192);
    const double v4 = v2 * v3;
    const double v5 = 0x0.0p+0;
    const double v6 = v5 + v4;
    *(double *)(output1 + 40) = v6;
    *(double *)(work + 168) = v5;
  }
  {
    const double v0 = *(double *)(work + 160);
    const double v1 = *(double *)(work + 248);
    const double v2 = v0 * v1;
    const double v3 = *(double *)(work + 192);
    const double v4 = v2 * v3;
    const double v5 = *(double *)(output1 + 32);
    const double v6 = v5 + v4;
    const double v7 = 0x0.0p+0;
    *(double *)(output1 + 32) = v6;
    *(double *)(work + 160) = v7;
  }
  {
    const double v0 = *(double *)(work + 152);
    const double v1 = *(double *)(work + 256);
    const double v2 = v0 * v1;
    const double v3 = *(double *)(work + 192);
    const double v4 = v2 * v3;
    const double v5 = *(double *)(output1 + 24);
    const double v6 = v5 + v4;
    const double v7 = 0x0.0p+0;
    *(double *)(output1 + 24) = v6;
    *(double *)(work + 152) = v7;
  }
  {
    const double v0 = *(double *)(work + 144);
    const double v1 = *(double *)(work + 264);
    const double v2 = v0 * v1;
    const double v3 = *(double *)(work + 192);
    const double v4 = v2 * v3;
    const double v5 = *(double *)(output1 + 16);
    const double v6 = v5 + v4;
    const double v7 = 0x0.0p+0;
    *(double *)(output1 + 16) = v6;
    *(double *)(work + 144) = v7;
  }
  {
    const double v0 = *(double *)(work + 136);
    const double v1 = *(double *)(work + 272);
    const double v2 = v0 * v1;
    const double v3 = *(double *)(work + 192);
    const double v4 = v2 * v3;
    const double v5 = *(double *)(output1 + 8);
    const double v6 = v5 + v4;
    const double v7 = 0x0.0p+0;
    *(double *)(output1 + 8) = v6;
    *(double *)(work + 136) = v7;
  }
  {
    const double v0 = *(double *)(work + 128);
    const double v1 = *(double *)(work + 280);
    const double v2 = v0 * v1;
    const double v3 = *(double *)(work + 192);
    const double v4 = v2 * v3;
    const double v5 = *(double *)(output1);
    const double v6 = v5 + v4;
    *(double *)(output1) = v6;
  }
  (void)input0;
  (void)input1;
  (void)output0;
  (void)output1;
  goto end;
  end:
  free(work);
  return status;
}
